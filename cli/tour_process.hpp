// A process of the tour.
#pragma once
#include "wye/os/fd.hpp"

#include "command.hpp"
#include "os/syscall.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

namespace wye::cli {

/// Ended by pid and reaped at the latest when this is dropped.
class Process {
public:
    explicit Process(const std::function<int()>& body) {
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) ::_exit(body());
    }
    Process(Process&& o) noexcept : pid_(std::exchange(o.pid_, -1)), status_(o.status_) {}
    ~Process() { end(); }
    pid_t pid() const { return pid_; }
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(std::exchange(pid_, -1), &status_, 0);
    }
    // False when it had to be ended.
    bool wait(Deadline deadline) {
        const Fd pidfd(static_cast<int>(sys::pidfd_open(pid_)));
        while (!interrupted()) {
            pollfd p{.fd = pidfd.get(), .events = POLLIN, .revents = 0};
            const timespec slice{.tv_sec = 0, .tv_nsec = 100'000'000};
            if (sys::ppoll(&p, 1, &slice) > 0) {
                ::waitpid(std::exchange(pid_, -1), &status_, 0);
                return true;
            }
            if (deadline.passed()) return false;
        }
        return false;
    }
    // It came to its end by itself, and its body answered 0.
    bool good(Deadline deadline) { return wait(deadline) && WIFEXITED(status_) && WEXITSTATUS(status_) == 0; }

private:
    pid_t pid_;
    int status_ = -1;
};

}  // namespace wye::cli
