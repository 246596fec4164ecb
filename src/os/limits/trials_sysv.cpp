// Running into the limits of System V objects and POSIX queues, in an ipc namespace of their own.
#include "os/limits/calls.hpp"
#include "os/limits/limit.hpp"
#include "os/limits/trials.hpp"
#include "os/sem_calls.hpp"
#include "os/shm_calls.hpp"
#include "os/small_file.hpp"
#include "os/usage/proc_text.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace wye::sys::trial {
namespace {

constexpr int mode = IPC_CREAT | 0600;

long segment(std::size_t bytes) { return sys::shmget(IPC_PRIVATE, bytes, mode); }
int set_of(Stage& s, int members) {
    const long id = sys::semget(IPC_PRIVATE, members, mode);
    if (id < 0) s.give_up("semget failed");
    return static_cast<int>(id);
}
long add(int id, int by, int flags, unsigned short index = 0) {
    sembuf op{index, static_cast<short>(by), static_cast<short>(flags | IPC_NOWAIT)};
    return sys::semop(id, &op, 1, nullptr);
}
std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

void shm_count(Stage& s) {
    s.until("shmget", s.value() + 1, [](auto) { return segment(1); });
}
void shm_size(Stage& s) {
    s.call("shmget", segment(s.value()), "of just that size");
    s.call("shmget", segment(s.value() + 1), "of a byte more");
}
void shm_pages(Stage& s) {
    s.until("shmget", s.value(), [](auto) { return segment(4 * page()); });
}
void shm_empty(Stage& s) { s.call("shmget", segment(0), "of no bytes"); }

// The pages are never touched: only the address space is used up.
void shm_attach(Stage& s) {
    const auto statm = read_whole("/proc/self/statm");
    const auto have = statm ? nth_number(*statm, 0).value_or(0) * page() : 0;
    constexpr std::size_t piece = 16u << 20;
    const rlimit room{have + 8 * piece, have + 8 * piece};
    const long id = segment(piece);
    if (id < 0 || sys::setrlimit(RLIMIT_AS, room) < 0) s.give_up("no segment, or no limit on the address space");
    s.until("shmat", 64, [&](auto) {
        void* at = nullptr;
        return sys::shmat(static_cast<int>(id), 0, &at);
    });
}

void shm_forced(Stage& s) {
    const int id = static_cast<int>(segment(1));
    void* at = nullptr;
    s.call("shmat", sys::shmat(id, 0, &at));
    ::shmdt(at);
    s.call("shmat", sys::shmat(id, 0, &at), "after the last one detached");
}

void sem_sets(Stage& s) {
    s.until("semget", s.value() + 1, [](auto) { return sys::semget(IPC_PRIVATE, 1, mode); });
}
void sem_total(Stage& s) {
    s.until("semget", s.value() + 1, [](auto) { return sys::semget(IPC_PRIVATE, 4, mode); });
}
void sem_per_set(Stage& s) {
    const auto n = static_cast<int>(s.value());
    s.call("semget", sys::semget(IPC_PRIVATE, n, mode), "of that many");
    s.call("semget", sys::semget(IPC_PRIVATE, n + 1, mode), "of one more");
}
void sem_operations(Stage& s) {
    const int id = set_of(s, 1);
    std::vector<sembuf> ops(s.value() + 1, sembuf{0, 1, IPC_NOWAIT});
    s.call("semop", sys::semop(id, ops.data(), s.value(), nullptr), "with that many operations");
    s.call("semop", sys::semop(id, ops.data(), s.value() + 1, nullptr), "with one more");
}
void sem_value(Stage& s) {
    const int id = set_of(s, 1);
    s.call("semctl(SETVAL)", sys::semctl(id, 0, SETVAL, {.value = 32767}), "to 32767");
    s.call("semctl(SETVAL)", sys::semctl(id, 0, SETVAL, {.value = 32768}), "to 32768");
    s.call("semop", add(id, 1, 0), "one more, at 32767");
}
void sem_undo(Stage& s) {
    const int id = set_of(s, 1);
    s.call("semop", add(id, 32767, SEM_UNDO), "with SEM_UNDO: 32767 to be undone");
    s.call("semop", add(id, -32767, 0), "taken down again, without it");
    s.call("semop", add(id, 2, SEM_UNDO), "with SEM_UNDO: 2 more to be undone");
}
void sem_undo_entries(Stage& s) {
    s.until("semop", 600, [](auto) {
        const long id = sys::semget(IPC_PRIVATE, 1, mode);
        return id < 0 ? id : add(static_cast<int>(id), 1, SEM_UNDO);
    });
}
void sem_index(Stage& s) {
    const int id = set_of(s, 2);
    s.call("semop", add(id, 1, 0, 1), "on the last of 2");
    s.call("semop", add(id, 1, 0, 2), "on one after it");
}

namespace {
struct Message {
    long type = 1;
    char text[16384];
};
}  // namespace

void msg_count(Stage& s) {
    s.until("msgget", s.value() + 1, [](auto) { return sys::msgget(IPC_PRIVATE, mode); });
}
void msg_size(Stage& s) {
    const int q = static_cast<int>(sys::msgget(IPC_PRIVATE, mode));
    const Message m{};
    const auto most = std::min<std::size_t>(s.value(), sizeof m.text - 1);
    s.call("msgsnd", sys::msgsnd(q, &m, most, IPC_NOWAIT), "of just that size");
    s.call("msgsnd", sys::msgsnd(q, &m, most + 1, IPC_NOWAIT), "of a byte more");
}
void msg_bytes(Stage& s) {
    const int q = static_cast<int>(sys::msgget(IPC_PRIVATE, mode));
    const Message m{};
    s.until("msgsnd", s.value() + 1, [&](auto) { return sys::msgsnd(q, &m, 0, IPC_NOWAIT); });
    msqid_ds d{};
    (void)sys::msgctl(q, IPC_STAT, &d);
    d.msg_qbytes = s.value() + 1;
    s.call("msgctl(IPC_SET)", sys::msgctl(q, IPC_SET, &d), "of more room");
}

void removed(Stage& s) {
    const int id = set_of(s, 1);
    const long sleeper = sys::fork();
    if (sleeper < 0) s.give_up("fork failed");
    if (sleeper == 0) {
        sembuf op{0, -1, 0};
        ::_exit(static_cast<int>(-sys::semop(id, &op, 1, nullptr)));
    }
    for (int i = 0; i < 5000 && sys::semctl(id, 0, GETNCNT) != 1; ++i) ::usleep(1000);
    s.call("semctl(IPC_RMID)", sys::semctl(id, 0, IPC_RMID));
    const int status = wait_status(sleeper);
    s.call("semop", -static_cast<long>(WIFEXITED(status) ? WEXITSTATUS(status) : 0), "that was asleep");
    s.call("semop", add(id, 1, 0), "that comes later");
}

// ---------------------------------------------------------------- POSIX queues

namespace {
long queue(std::uint64_t n, long depth, long size) {
    const auto name = "/trial" + std::to_string(n);
    mq_attr a{};
    a.mq_maxmsg = depth;
    a.mq_msgsize = size;
    return sys::mq_open(name.c_str(), O_CREAT | O_RDWR | O_NONBLOCK, 0600, &a);
}
}  // namespace

void mq_count(Stage& s) {
    s.until("mq_open", s.value() + 1, [](auto i) {
        const long q = queue(i, 1, 1);
        if (q >= 0) (void)sys::close(static_cast<int>(q));  // the queue stays
        return q;
    });
}
void mq_depth(Stage& s) {
    const auto n = static_cast<long>(s.value());
    s.call("mq_open", queue(1, n, 1), "for that many messages");
    s.call("mq_open", queue(2, n + 1, 1), "for one more");
}
void mq_message(Stage& s) {
    const auto n = static_cast<long>(s.value());
    s.call("mq_open", queue(1, 1, n), "for messages of just that size");
    s.call("mq_open", queue(2, 1, n + 1), "of a byte more");
}
void mq_full(Stage& s) {
    const int q = static_cast<int>(queue(1, 10, 1));
    if (q < 0) s.give_up("no queue of 10 messages");
    timespec past{};
    char c = 0;
    unsigned priority = 0;
    s.until("mq_send", 11, [&](auto) { return sys::mq_send(q, &c, 1, 0, &past); });
    while (sys::mq_receive(q, &c, 1, &priority, &past) >= 0) {}
    s.call("mq_receive", sys::mq_receive(q, &c, 1, &priority, &past), "from the empty one");
}
void mq_charged(Stage& s) {
    s.until("mq_open", 10000, [](auto i) { return queue(i, 10, 8192); });
}

}  // namespace wye::sys::trial
