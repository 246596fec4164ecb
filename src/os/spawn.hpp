// Starting another program: argv and never a shell.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <span>
#include <string>

namespace wye::sys {

/// How a process ended. `known` is false when somebody else reaped it (SIGCHLD is ignored, or a loop waits for every
/// child) and the kernel is older than 6.15, which keeps the answer with the pidfd.
struct Exit {
    int status = 0;  ///< valid when signal is 0
    int signal = 0;
    bool known = true;
    bool ok() const noexcept { return status == 0 && signal == 0; }
    std::string text() const;  ///< "exit status 2", "killed by signal 9"
};

/// A child process, by pidfd: a reused pid is never waited for or hit.
class Process {
public:
    /// Found on PATH; `in`, `out` become its 0 and 1 (-1: as ours), 2 is ours, nothing else is inherited. Signals have
    /// their default actions and none is blocked. Errc::not_found and Errc::denied are the exec's own.
    static Result<Process> start(std::span<const std::string> argv, int in, int out);
    Process(Process&& o) noexcept;
    Process& operator=(Process&&) = delete;
    /// Ends it (SIGKILL) if it still runs, and reaps it. A copy made by fork() does neither.
    ~Process();

    int pid() const noexcept { return pid_; }
    /// False in the child of a fork(): a copy has nothing to wait for and nothing to end.
    bool ours() const noexcept;
    int pidfd() const noexcept { return pidfd_.get(); }
    /// Waits for its end and reaps it; the same answer ever after.
    Result<Exit> wait(Deadline);
    Result<> signal(int number);

private:
    Process() = default;
    int pid_ = -1;
    Fd pidfd_;
    bool over_ = false;
    Exit exit_;
    std::uint64_t generation_ = 0;
};

}  // namespace wye::sys
