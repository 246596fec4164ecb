// What tells that something happened, and carries no message.
#include "wye/os/fd.hpp"

#include "raw.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <new>
#include <optional>

namespace wye::peers {
namespace {

struct Tokens : RawMeans {
    Tokens(std::string n, std::string what) : RawMeans(std::move(n), std::move(what)) { carries = false; }
};

class EventEnd : public End {
public:
    EventEnd(int out, int in) : out_(out), in_(in) {}
    void send(Bytes) override {
        const std::uint64_t one = 1;
        done("write", [&] { return ::write(out_, &one, sizeof one); });
    }
    std::size_t recv(MutBytes, bool poll) override {
        if (poll && !polls_) polls_ = done("fcntl", [&] { return fcntl(in_, F_SETFL, O_NONBLOCK); }) == 0;
        std::uint64_t n;
        done("read", poll, EAGAIN, [&] { return ::read(in_, &n, sizeof n); });
        return 0;
    }

private:
    int out_, in_;
    bool polls_ = false;
};

class Event : public Tokens {
public:
    Event() : Tokens("raw:eventfd", "eventfd(2) with EFD_SEMAPHORE; poll is O_NONBLOCK") {}
    void prepare(Shape, unsigned) override {
        for (auto& fd : fds_) fd = Fd(done("eventfd", [] { return eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE); }));
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const unsigned mine = r == Role::first ? 0 : 1;
        return std::make_unique<EventEnd>(fds_[mine].get(), fds_[1 - mine].get());
    }
    void clean() noexcept override { fds_[0].reset(), fds_[1].reset(); }

private:
    Fd fds_[2];
};

// A counter, and whether somebody sleeps over it: whoever looks again and again costs the other no system call.
struct alignas(128) Word {
    std::atomic<std::uint32_t> count{0}, sleepers{0};
};

class FutexEnd : public End {
public:
    FutexEnd(Word& out, Word& in) : out_(out), in_(in) {}
    // seq_cst on both sides: either the sleeper is seen here, or the count there.
    void send(Bytes) override {
        out_.count.store(++sent_);
        if (out_.sleepers.load() != 0) syscall(SYS_futex, &out_.count, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
    std::size_t recv(MutBytes, bool poll) override {
        while (in_.count.load(std::memory_order_acquire) == received_) {
            if (poll) {
                relax();
                continue;
            }
            in_.sleepers.fetch_add(1);
            syscall(SYS_futex, &in_.count, FUTEX_WAIT, received_, nullptr, nullptr, 0);
            in_.sleepers.fetch_sub(1);
        }
        ++received_;
        return 0;
    }

private:
    Word &out_, &in_;
    std::uint32_t sent_ = 0, received_ = 0;
};

class Futex : public Tokens {
public:
    Futex() : Tokens("raw:futex", "a counter in shared memory, futex(2) where one sleeps; poll looks at it") {}
    void prepare(Shape, unsigned) override {
        void* p =
            mmap(nullptr, 2 * sizeof(Word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (p == MAP_FAILED) fail("mmap");
        words_ = new (p) Word[2];
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const unsigned mine = r == Role::first ? 0 : 1;
        return std::make_unique<FutexEnd>(words_[mine], words_[1 - mine]);
    }
    void clean() noexcept override { munmap(words_, 2 * sizeof(Word)); }

private:
    Word* words_ = nullptr;
};

class SignalEnd : public End {
public:
    // Who knows the other already says whom to answer.
    explicit SignalEnd(pid_t to) : to_(to) {
        sigemptyset(&set_);
        sigaddset(&set_, SIGRTMIN);
        if (to_)
            send({});
        else
            to_ = taken(false).si_pid;
    }
    void send(Bytes) override {
        done("sigqueue", true, EAGAIN, [&] { return sigqueue(to_, SIGRTMIN, {.sival_int = 0}); });
    }
    std::size_t recv(MutBytes, bool poll) override {
        taken(poll);
        return 0;
    }

private:
    siginfo_t taken(bool poll) const {
        siginfo_t info{};
        const timespec now{};
        done("sigwaitinfo", poll, EAGAIN,
             [&] { return poll ? sigtimedwait(&set_, &info, &now) : sigwaitinfo(&set_, &info); });
        return info;
    }
    sigset_t set_{};
    pid_t to_;
};

class Signal : public Tokens {
public:
    Signal()
        : Tokens("raw:signal", "a real-time signal: sigqueue(3), sigwaitinfo(2); poll is sigtimedwait(2) with 0") {}
    void prepare(Shape, unsigned) override {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        parent_ = getpid();
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        return std::make_unique<SignalEnd>(r == Role::second ? parent_ : 0);
    }

private:
    pid_t parent_ = 0;
};

class PosixSemaphoreEnd : public End {
public:
    PosixSemaphoreEnd(sem_t* out, sem_t* in) : out_(out), in_(in) {}
    ~PosixSemaphoreEnd() override { sem_close(out_), sem_close(in_); }
    void send(Bytes) override {
        done("sem_post", [&] { return sem_post(out_); });
    }
    std::size_t recv(MutBytes, bool poll) override {
        done("sem_wait", poll, EAGAIN, [&] { return poll ? sem_trywait(in_) : sem_wait(in_); });
        return 0;
    }

private:
    sem_t *out_, *in_;
};

class PosixSemaphore : public Tokens {
public:
    PosixSemaphore() : Tokens("raw:posix-sem", "named semaphores: sem_post(3), sem_wait(3); poll is sem_trywait(3)") {}
    void prepare(Shape, unsigned) override {
        name_ = "/" + fresh_name();
        janitor_.emplace([name = name_] {
            for (const char* which : {"a", "b"}) sem_unlink((name + which).c_str());
        });
        for (const char* which : {"a", "b"}) sem_close(opened(which, O_CREAT | O_EXCL));
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool first = r == Role::first;
        return std::make_unique<PosixSemaphoreEnd>(opened(first ? "a" : "b", 0), opened(first ? "b" : "a", 0));
    }
    void clean() noexcept override { janitor_.reset(); }

private:
    sem_t* opened(const char* which, int flags) const {
        auto* s = sem_open((name_ + which).c_str(), flags, 0600, 0);
        if (s == SEM_FAILED) fail("sem_open");
        return s;
    }
    std::string name_;
    std::optional<Janitor> janitor_;
};

class SysvSemaphoreEnd : public End {
public:
    SysvSemaphoreEnd(int id, unsigned short out) : id_(id), out_(out) {}
    void send(Bytes) override {
        sembuf one{.sem_num = out_, .sem_op = 1, .sem_flg = 0};
        done("semop", [&] { return semop(id_, &one, 1); });
    }
    std::size_t recv(MutBytes, bool poll) override {
        const auto in = static_cast<unsigned short>(1 - out_);
        sembuf one{.sem_num = in, .sem_op = -1, .sem_flg = static_cast<short>(poll ? IPC_NOWAIT : 0)};
        done("semop", poll, EAGAIN, [&] { return semop(id_, &one, 1); });
        return 0;
    }

private:
    int id_;
    unsigned short out_;
};

class SysvSemaphore : public Tokens {
public:
    SysvSemaphore() : Tokens("raw:sysv-sem", "semop(2) on a set of two; poll is IPC_NOWAIT") {}
    void prepare(Shape, unsigned) override {
        id_ = done("semget", [] { return semget(IPC_PRIVATE, 2, 0600); });
        janitor_.emplace([id = id_] { semctl(id, 0, IPC_RMID); });
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        return std::make_unique<SysvSemaphoreEnd>(id_, static_cast<unsigned short>(r == Role::first ? 0 : 1));
    }
    void clean() noexcept override { janitor_.reset(); }

private:
    int id_ = 0;
    std::optional<Janitor> janitor_;
};

}  // namespace

void add_tokens(AllMeans& all) {
    all.push_back(std::make_unique<Event>());
    all.push_back(std::make_unique<Futex>());
    all.push_back(std::make_unique<Signal>());
    all.push_back(std::make_unique<PosixSemaphore>());
    all.push_back(std::make_unique<SysvSemaphore>());
}

}  // namespace wye::peers
