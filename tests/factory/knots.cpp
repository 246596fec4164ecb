// Two processes that wait for each other, and such as only look so: WAY is "knot", "timed" (the second gives up after a
// while), or "loose" (the second has what the first waits for, and goes on).
#include "factory.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

namespace wye::factory {
namespace {

using Act = std::function<void()>;
constexpr int patience = 50;  // seconds, of who gives up

// Each takes what is his, and then wants the other's. The second is a copy of this process.
void knot(const std::string& way, const Act& take, const Act& want, const Act& take2, const Act& want2) {
    take();
    int taken[2];
    must(::pipe(taken), "pipe");
    std::fflush(stdout);
    const auto parent = ::getpid();
    if (must(::fork(), "fork") == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        take2();
        ::close(taken[0]), ::close(taken[1]);
        if (way != "loose") want2();
        for (;;) ::pause();
    }
    ::close(taken[1]);
    char c;
    (void)!::read(taken[0], &c, 1);
    ::close(taken[0]);
    ready();
    want();
}

key_t key(const std::string& text) { return static_cast<key_t>(std::strtoul(text.c_str(), nullptr, 0)); }

int set(const std::string& k) {
    const int id = static_cast<int>(must(::semget(key(k), 2, IPC_CREAT | 0600), "semget"));
    for (int n = 0; n < 2; ++n) must(::semctl(id, n, SETVAL, 1), "semctl");
    return id;
}
void operate(int id, int number, int change, const std::string& way = {}) {
    sembuf op{.sem_num = static_cast<unsigned short>(number), .sem_op = static_cast<short>(change), .sem_flg = 0};
    const timespec left{.tv_sec = patience, .tv_nsec = 0};
    must(::semtimedop(id, &op, 1, way == "timed" ? &left : nullptr), "semtimedop");
}

struct Message {
    long type = 1;
    char text[512] = {};
};
int queue_at(const std::string& k) { return static_cast<int>(must(::msgget(key(k), IPC_CREAT | 0600), "msgget")); }
// Makes it full; whoever calls this is the last who has read from it.
void full_queue(const std::string& k) {
    const int id = queue_at(k);
    Message m;
    must(::msgsnd(id, &m, sizeof m.text, 0), "msgsnd");
    must(::msgrcv(id, &m, sizeof m.text, 0, 0), "msgrcv");
    while (::msgsnd(id, &m, sizeof m.text, IPC_NOWAIT) == 0) continue;
}
void send_one_more(const std::string& k) {
    const Message m;
    must(::msgsnd(queue_at(k), &m, sizeof m.text, 0), "msgsnd");
}

sem_t* semaphore(const std::string& name) {
    sem_t* s = ::sem_open(name.c_str(), O_CREAT, 0600, 1);
    must(s == SEM_FAILED ? -1 : 0, "sem_open");
    return s;
}
timespec later() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += patience;
    return t;
}
void take(sem_t* s, const std::string& way = {}) {
    const auto until = later();
    must(way == "timed" ? ::sem_timedwait(s, &until) : ::sem_wait(s), "sem_wait");
}

mqd_t queue(const std::string& name, int how) {
    mq_attr a{};
    a.mq_maxmsg = 2, a.mq_msgsize = 100;
    return static_cast<mqd_t>(must(::mq_open(name.c_str(), O_CREAT | how, 0600, &a), "mq_open"));
}
void fill(const std::string& name) {
    const auto q = queue(name, O_WRONLY | O_NONBLOCK);
    while (::mq_send(q, "x", 1, 0) == 0) continue;
    ::mq_close(q);
}
void send(mqd_t q, const std::string& way = {}) {
    const auto until = later();
    must(way == "timed" ? ::mq_timedsend(q, "x", 1, 0, &until) : ::mq_send(q, "x", 1, 0), "mq_send");
}

void lock(int fd) { must(::flock(fd, LOCK_EX), "flock"); }
int opened(const std::string& path) {
    return static_cast<int>(must(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open"));
}

void full_pipes(const std::string& way) {
    int there[2], back[2];
    must(::pipe(there), "pipe"), must(::pipe(back), "pipe");
    static char text[70000];
    const auto keep = [](int reads, int writes) { ::close(reads), ::close(writes); };
    knot(
        way, [] {}, [=] { keep(there[0], back[1]), must(::write(there[1], text, sizeof text), "write"); },
        [=] { keep(back[0], there[1]); }, [=] { must(::write(back[1], text, sizeof text), "write"); });
}

constexpr Scene all[] = {
    {"knot-sem", "WAY KEY", "over the two semaphores of a System V set",
     [](const Words& w) {
         const int id = set(w[1]);
         knot(
             w[0], [=] { operate(id, 0, -1); }, [=] { operate(id, 1, -1); }, [=] { operate(id, 1, -1); },
             [=] { operate(id, 0, -1, w[0]); });
     }},
    {"knot-lock-sem", "WAY KEY PATH", "the first over a lock, the second over a System V semaphore",
     [](const Words& w) {
         const int id = set(w[1]);
         // Each opens the file for himself, so that the lock is not both's.
         knot(
             w[0], [=] { operate(id, 0, -1); }, [=] { lock(opened(w[2])); }, [=] { lock(opened(w[2])); },
             [=] { operate(id, 0, -1, w[0]); });
     }},
    {"knot-msg", "WAY KEY KEY", "over two full System V queues, of which each has read one",
     [](const Words& w) {
         knot(
             w[0], [=] { full_queue(w[1]); }, [=] { send_one_more(w[2]); }, [=] { full_queue(w[2]); },
             [=] { send_one_more(w[1]); });
     }},
    {"knot-posix-sem", "WAY NAME NAME", "over two POSIX semaphores",
     [](const Words& w) {
         sem_t *a = semaphore(w[1]), *b = semaphore(w[2]);
         knot(w[0], [=] { take(a); }, [=] { take(b); }, [=] { take(b); }, [=] { take(a, w[0]); });
     }},
    {"knot-mq", "WAY NAME NAME",
     "over two full POSIX queues, of which each would read one; \"third\": another could, too",
     [](const Words& w) {
         fill(w[1]), fill(w[2]);
         if (w[0] == "third") queue(w[2], O_RDONLY), copy();
         knot(
             w[0], [] {}, [=] { queue(w[1], O_RDONLY), send(queue(w[2], O_WRONLY)); }, [=] { queue(w[2], O_RDONLY); },
             [=] { send(queue(w[1], O_WRONLY), w[0]); });
     }},
    {"knot-pipes", "WAY", "over two full pipes", [](const Words& w) { full_pipes(w[0]); }},
};

}  // namespace
std::span<const Scene> knot_scenes() { return all; }
}  // namespace wye::factory
