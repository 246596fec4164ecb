// The message queues of POSIX and System V.
#include "raw.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <optional>

namespace wye::peers {
namespace {

std::uint64_t limit(const char* file, std::uint64_t otherwise) {
    std::ifstream in(file);
    in >> otherwise;
    return otherwise;
}

class PosixQueueEnd : public End {
public:
    PosixQueueEnd(mqd_t out, mqd_t in) : out_(out), in_(in) {}
    ~PosixQueueEnd() override {
        mq_close(out_);
        if (in_ != out_) mq_close(in_);
    }
    void send(Bytes b) override {
        done("mq_send", [&] { return mq_send(out_, reinterpret_cast<const char*>(b.data()), b.size(), 0); });
    }
    std::size_t recv(MutBytes into, bool poll) override {
        if (poll && !polls_) {
            mq_attr attr{};
            attr.mq_flags = O_NONBLOCK;
            polls_ = done("mq_setattr", [&] { return mq_setattr(in_, &attr, nullptr); }) == 0;
        }
        return static_cast<std::size_t>(done("mq_receive", poll, EAGAIN, [&] {
            return mq_receive(in_, reinterpret_cast<char*>(into.data()), into.size(), nullptr);
        }));
    }

private:
    mqd_t out_, in_;
    bool polls_ = false;
};

class PosixQueue : public RawMeans {
public:
    PosixQueue() : RawMeans("raw:posix-mq", "mq_send(3) and mq_receive(3), 10 messages wait; poll is O_NONBLOCK") {
        shapes = duel | queue;
        largest = limit("/proc/sys/fs/mqueue/msgsize_max", 8192);
    }
    void prepare(Shape, unsigned) override {
        name_ = "/" + fresh_name();
        janitor_.emplace([name = name_] {
            for (const char* which : {"a", "b"}) mq_unlink((name + which).c_str());
        });
        mq_attr attr{};
        attr.mq_maxmsg = 10, attr.mq_msgsize = static_cast<long>(std::max<std::size_t>(size, 1));
        for (const char* which : {"a", "b"})
            mq_close(done("mq_open",
                          [&] { return mq_open((name_ + which).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr); }));
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const auto there = opened("a");
        if (r != Role::first && r != Role::second) return std::make_unique<PosixQueueEnd>(there, there);
        const auto back = opened("b");
        return r == Role::first ? std::make_unique<PosixQueueEnd>(there, back)
                                : std::make_unique<PosixQueueEnd>(back, there);
    }
    void clean() noexcept override { janitor_.reset(); }

private:
    mqd_t opened(const char* which) const {
        return done("mq_open", [&] { return mq_open((name_ + which).c_str(), O_RDWR); });
    }
    std::string name_;
    std::optional<Janitor> janitor_;
};

// A message of System V lies behind a number, so that it is copied once more on each side.
class SysvQueueEnd : public End {
public:
    SysvQueueEnd(int out, int in, std::size_t size) : out_(out), in_(in), room_(sizeof(long) + size) {}
    void send(Bytes b) override {
        const long kind = 1;
        std::memcpy(room_.data(), &kind, sizeof kind);
        std::memcpy(room_.data() + sizeof kind, b.data(), b.size());
        done("msgsnd", [&] { return msgsnd(out_, room_.data(), b.size(), 0); });
    }
    std::size_t recv(MutBytes into, bool poll) override {
        const auto n = static_cast<std::size_t>(done("msgrcv", poll, ENOMSG, [&] {
            return msgrcv(in_, room_.data(), room_.size() - sizeof(long), 0, poll ? IPC_NOWAIT : 0);
        }));
        std::memcpy(into.data(), room_.data() + sizeof(long), std::min(n, into.size()));
        return n;
    }

private:
    int out_, in_;
    std::vector<std::byte> room_;
};

class SysvQueue : public RawMeans {
public:
    SysvQueue() : RawMeans("raw:sysv-mq", "msgsnd(2) and msgrcv(2); poll is IPC_NOWAIT") {
        shapes = duel | queue;
        largest = limit("/proc/sys/kernel/msgmax", 8192);
    }
    void prepare(Shape, unsigned) override {
        for (auto& id : ids_) id = done("msgget", [] { return msgget(IPC_PRIVATE, 0600); });
        janitor_.emplace([this] {
            for (const auto id : ids_) msgctl(id, IPC_RMID, nullptr);
        });
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool first = r == Role::first;
        return std::make_unique<SysvQueueEnd>(ids_[r == Role::second], ids_[first], size);
    }
    void clean() noexcept override { janitor_.reset(); }

private:
    int ids_[2]{};
    std::optional<Janitor> janitor_;
};

}  // namespace

void add_queues(AllMeans& all) {
    all.push_back(std::make_unique<PosixQueue>());
    all.push_back(std::make_unique<SysvQueue>());
}

}  // namespace wye::peers
