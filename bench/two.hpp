// Two processes that measure something together, each on a processor of its own: the one that measures is the parent,
// and prints its figures as one line of JSON.
#pragma once
#include "measure/clock.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wye::bench {

[[noreturn]] inline void give_up(const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    std::_Exit(1);
}

/// KEY=VALUE of the command line; the first argument, without '=', is the case.
struct Args {
    std::string what;
    std::map<std::string, std::string, std::less<>> given;

    Args(int argc, char** argv) {
        for (int i = 1; i < argc; ++i) {
            const std::string_view a = argv[i];
            const auto is = a.find('=');
            if (is == a.npos)
                what = a;
            else
                given.emplace(a.substr(0, is), a.substr(is + 1));
        }
    }
    std::size_t number(std::string_view key, std::size_t otherwise) const {
        const auto at = given.find(key);
        return at == given.end() ? otherwise : std::stoul(at->second);
    }
    bool polls() const {
        const auto at = given.find("wait");
        return at == given.end() || at->second == "poll";
    }
    bool pinned() const { return number("pinned", 1) != 0; }
};

using measure::ns_a_tick;
using measure::relax;
using measure::ticks;
using measure::touched;

// ---------------------------------------------------------------- the other process

enum class Side { parent, child };

/// One of the first two processors that we may run on; where there is only one, or by wish, the system chooses.
inline void pin(const Args& a, Side side) {
    cpu_set_t may;
    if (!a.pinned() || sched_getaffinity(0, sizeof may, &may) != 0 || CPU_COUNT(&may) < 2) return;
    for (int cpu = 0, n = side == Side::parent ? 0 : 1; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &may) || n-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0) give_up("sched_setaffinity");
        return;
    }
}

/// Pages that both have.
template <class T>
T& shared() {
    void* p = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED) give_up("mmap");
    return *new (p) T();
}

/// Runs `there` in a process of its own. It dies with us; and if it fails, so do we.
class Child {
public:
    template <class There>
    Child(const Args& a, There&& there, Side where = Side::child) {
        struct sigaction on_end{};
        on_end.sa_handler = [](int) {
            int status = 0;
            while (waitpid(-1, &status, WNOHANG) > 0)
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) _exit(1);
        };
        on_end.sa_flags = SA_RESTART | SA_NOCLDSTOP;
        sigaction(SIGCHLD, &on_end, nullptr);
        const auto parent = getpid();
        pid_ = fork();
        if (pid_ < 0) give_up("fork");
        if (pid_ > 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        pin(a, where);
        there();
        _exit(0);
    }
    Child(const Child&) = delete;
    ~Child() {
        signal(SIGCHLD, SIG_DFL);
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }

private:
    pid_t pid_;
};

// ---------------------------------------------------------------- figures

inline std::uint64_t at_part(const std::vector<std::uint64_t>& sorted, double part) {
    return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

/// The median, finer than the clock's steps: the mean of the middle fifth.
inline double middle(const std::vector<std::uint64_t>& sorted) {
    const auto first = sorted.size() * 2 / 5, last = std::max(sorted.size() * 3 / 5, first + 1);
    double sum = 0;
    for (auto i = first; i < last; ++i) sum += static_cast<double>(sorted[i]);
    return sum / static_cast<double>(last - first);
}

/// Percentiles of ticks, in nanoseconds, each divided by `by`.
inline void print_times(std::vector<std::uint64_t> t, double by) {
    std::ranges::sort(t);
    std::printf("{\"p50\": %.2f, ", middle(t) * ns_a_tick() / by);
    for (const auto& [name, part] : {std::pair("p90", .9), {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}})
        std::printf("\"%s\": %.2f, ", name, static_cast<double>(at_part(t, part)) * ns_a_tick() / by);
    std::printf("\"n\": %zu}\n", t.size());
}

inline void print_ns(double ns) { std::printf("{\"ns\": %.3f}\n", ns); }

/// The time of a piece of work, by stamps that were taken each `work` pieces: the median, so that who took the
/// processor away for a while does not count.
inline double ns_of_one(const std::vector<std::uint64_t>& stamps, std::size_t work) {
    std::vector<std::uint64_t> took;
    for (std::size_t i = 1; i < stamps.size(); ++i) took.push_back(stamps[i] - stamps[i - 1]);
    if (took.empty()) give_up("too few to measure");
    std::ranges::sort(took);
    return static_cast<double>(at_part(took, .5)) * ns_a_tick() / static_cast<double>(work);
}

/// `piece()`, again and again.
template <class Piece>
double ns_each(std::size_t pieces, std::size_t rounds, Piece&& piece) {
    std::vector<std::uint64_t> stamps{ticks()};
    for (std::size_t r = 0; r < rounds; ++r) {
        for (std::size_t i = 0; i < pieces; ++i) piece();
        stamps.push_back(ticks());
    }
    return ns_of_one(stamps, pieces);
}
inline void print_rate(double ns) { std::printf("{\"ns\": %.3f, \"M/s\": %.4f}\n", ns, 1e3 / ns); }

}  // namespace wye::bench
