// Starting another program: argv and never a shell.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/exit.hpp"
#include "wye/os/fd.hpp"

#include <span>
#include <string>

namespace wye::sys {

using wye::Exit;

struct SpawnOptions {
    int in = -1, out = -1, err = -1;     ///< become its 0, 1, 2; -1: as ours
    bool err_to_out = false;             ///< its 2 is what its 1 is
    const std::string* arg0 = nullptr;   ///< what it sees as argv[0] instead of the name it was found by
    char* const* environment = nullptr;  ///< null: ours
    int directory = -1;                  ///< a descriptor of the directory it starts in; -1: ours
    bool own_group = false;              ///< it leads a process group of its own
};

/// A child process, by pidfd: a reused pid is never waited for or hit.
class Process {
public:
    /// Found on PATH (ours, whatever environment it gets); nothing beyond 0, 1, 2 is inherited. Signals have their
    /// default actions and none is blocked. Errc::not_found and Errc::denied are the exec's own.
    static Result<Process> start(std::span<const std::string> argv, const SpawnOptions&);
    static Result<Process> start(std::span<const std::string> argv, int in, int out) {
        return start(argv, {.in = in, .out = out});
    }
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
    /// To everyone in the group it leads (own_group), also when it has ended itself. Before Linux 6.9 the group is
    /// named by its number, which is certain only until it was reaped: afterwards Errc::not_found.
    Result<> signal_group(int number);

private:
    Process() = default;
    int pid_ = -1;
    Fd pidfd_;
    bool over_ = false;
    Exit exit_;
    std::uint64_t generation_ = 0;
};

}  // namespace wye::sys
