// What the programs of peers share. Each is a list of means and one line of main().
#pragma once
#include "measure/clock.hpp"
#include "measure/program.hpp"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>
#include <stdexcept>

namespace wye::peers {

using namespace measure;

/// `list` and `run` as `wye bench` asks; `pingpong`, `flow` and `paced` as bench/ring.py and bench/patterns.py do.
[[noreturn]] int peer_main(int argc, char** argv, const AllMeans&);

template <class... M>
AllMeans all_of() {
    AllMeans all;
    (all.push_back(std::make_unique<M>()), ...);
    return all;
}

[[noreturn]] inline void fail(const std::string& call, const std::string& why) {
    throw std::runtime_error(call + ": " + why);
}
[[noreturn]] void fail(const char* call);  // errno says why

/// Between two looks for a message that another thread brings, or another process, which need a processor, too.
void let_others() noexcept;

/// "wye-peer-PID-N": a name that nobody else has now.
std::string fresh_name();

/// Until `done()`, or five seconds have passed: then `what` is thrown.
void await(const char* what, const std::function<bool()>& done);

/// Cleans up when this process and all that it starts from now on are gone, also if they are killed.
class Janitor {
public:
    explicit Janitor(std::function<void()> clean);
    ~Janitor();
    Janitor(const Janitor&) = delete;
    Janitor& operator=(const Janitor&) = delete;

private:
    int until_;
    pid_t pid_;
};

/// A process that dies with us. What it writes to its stdout is read until `ready(all of it)`.
class Daemon {
public:
    Daemon(const std::vector<std::string>& command, const std::function<bool(const std::string&)>& ready,
           int end_by = SIGTERM);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    pid_t pid() const { return pid_; }
    const std::string& said() const { return said_; }

private:
    void end();
    pid_t pid_;
    int out_, end_by_;
    std::string said_;
};

/// An end that only sends, or only takes.
class OneWay : public End {
public:
    void send(Bytes) override { throw std::logic_error("this end only receives"); }
    std::size_t recv(MutBytes, bool) override { throw std::logic_error("this end only sends"); }
};

/// Where a library has topics and no requests: a question begins with whose it is, and each client has a topic of its
/// own for its answers.
class Numbered {
public:
    Bytes of(std::uint32_t who, Bytes question) {
        room_.resize(sizeof who + question.size());
        std::memcpy(room_.data(), &who, sizeof who);
        std::copy(question.begin(), question.end(), room_.begin() + sizeof who);
        return room_;
    }
    MutBytes room_for(std::size_t question) {
        room_.resize(sizeof(std::uint32_t) + question);
        return room_;
    }
    /// What came into room_for(): who asks, and how long the question is that is now in `into`.
    std::pair<std::uint32_t, std::size_t> taken(std::size_t came, MutBytes into) const {
        std::uint32_t who = 0;
        if (came < sizeof who) fail("a question", "it says not whose it is");
        std::memcpy(&who, room_.data(), sizeof who);
        const auto n = std::min(came - sizeof who, into.size());
        std::memcpy(into.data(), room_.data() + sizeof who, n);
        return {who, n};
    }

private:
    std::vector<std::byte> room_{};
};

}  // namespace wye::peers
