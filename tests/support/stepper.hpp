// A child that is taken through a piece of code one machine instruction at a time, and ended or stopped at any of them.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace wye::test {

/// Where a body goes, an instruction each. Where the processor does not tell, addresses are 0.
struct Path {
    struct At {
        std::uintptr_t address = 0;
        long nth = 0;  // time that it comes by there; 0: it is still in the same (repeated) instruction
    };
    std::vector<At> all;
    std::vector<long> seen;  // numbers of instructions behind which others see something else than before the last
    long size() const { return static_cast<long>(all.size()); }
};

/// Runs `before`, then `body` under ptrace(2), single-stepped, in a child of ours.
class Stepped {
public:
    Stepped(const std::function<void()>& before, const std::function<void()>& body);
    ~Stepped();  ///< SIGKILL, and reaped
    Stepped(const Stepped&) = delete;
    Stepped& operator=(const Stepped&) = delete;

    /// Up to `n` instructions further; how many were made: fewer when the body was over.
    long step(long n);
    /// The first `i` instructions of a path: at full speed from one visit to the next of the place before it that is
    /// reached soonest so (by a break-point of the processor's, where there is one), and the rest by steps. Ends
    /// elsewhere when the body goes another way this time.
    void follow(const Path&, long i);
    /// Likewise, from one system call's entry to its return to the next one's entry.
    long step_calls(long n);
    /// At full speed to the end of the body.
    void finish();
    bool over() const { return over_; }
    void kill();
    pid_t pid() const { return pid_; }

private:
    bool wait_stop();
    bool go(int how);
    bool run_to(std::uintptr_t address, long nth);
    std::uintptr_t at() const;
    friend Path trace(Stepped&, const std::function<bool(std::uintptr_t)>&);
    pid_t pid_ = -1;
    bool over_ = false;
};

/// Whether ptrace(2) is allowed here: a sandbox may forbid it, and a test that needs it is then skipped.
bool may_step();

/// Steps it to its end. `look(address)` is asked after each instruction whether others may see what it did.
Path trace(Stepped&, const std::function<bool(std::uintptr_t)>& look = {});
/// Whether the instruction there, of code that we have too, is a system call. Everything is where we cannot know.
bool is_call(std::uintptr_t address);

/// How many instructions, or stops at system calls, the body has.
long calls(const std::function<void()>& before, const std::function<void()>& body);
long instructions(const std::function<void()>& before, const std::function<void()>& body);

}  // namespace wye::test
