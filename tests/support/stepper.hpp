// A child that is taken through a piece of code one machine instruction at a time, and ended or stopped at any of them.
#pragma once
#include <sys/types.h>

#include <functional>

namespace wye::test {

/// Runs `before`, then `body` under ptrace(2), single-stepped, in a child of ours.
class Stepped {
public:
    Stepped(const std::function<void()>& before, const std::function<void()>& body);
    ~Stepped();  ///< SIGKILL, and reaped
    Stepped(const Stepped&) = delete;
    Stepped& operator=(const Stepped&) = delete;

    /// Up to `n` instructions further; how many were made: fewer when the body was over.
    long step(long n);
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
    pid_t pid_ = -1;
    bool over_ = false;
};

/// Whether ptrace(2) is allowed here: a sandbox may forbid it, and a test that needs it is then skipped.
bool may_step();

/// How many instructions, or stops at system calls, the body has.
long calls(const std::function<void()>& before, const std::function<void()>& body);
long instructions(const std::function<void()>& before, const std::function<void()>& body);

}  // namespace wye::test
