// Waiting for a descriptor, and for calls that have no descriptor.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include "os/syscall.hpp"

namespace wye::sys {

/// Blocks until one of `events` (POLLIN, POLLOUT) or an error condition is there, and answers revents.
Result<short> wait_ready(int fd, short events, Deadline);

/// The timespec that is left, for calls that take a relative time. Null for never.
class Left {
public:
    explicit Left(Deadline d) noexcept;
    const timespec* get() const noexcept { return never_ ? nullptr : &t_; }

private:
    timespec t_{};
    bool never_;
};

/// Interrupts this thread's blocking system call when the deadline passes: for the calls that have neither a
/// descriptor to poll nor a timeout (msgsnd, msgrcv, flock, open of a FIFO).
///
/// A POSIX timer sends SIGURG to this thread alone, again every 5 ms from the deadline on, so that a signal which lands
/// just before the call blocks is not the last one. SIGURG because it is ignored by default: a handler that does
/// nothing is installed only where the program has none, and a handler of the program's own is left in place; where
/// that one restarts calls (SA_RESTART) a free real-time signal is taken instead. While this lives the signal is
/// unblocked in this thread. No timer is made for never().
class Interrupt {
public:
    explicit Interrupt(Deadline) noexcept;
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    bool armed() const noexcept { return armed_; }

private:
    timer_t timer_{};
    sigset_t before_{};
    bool armed_ = false;
};

/// Runs `call` (which answers a value or -errno) until it is done, restarting on EINTR, and -ETIMEDOUT at the deadline.
template <class F>
long interruptible(Deadline d, F&& call) noexcept {
    const Interrupt bell(d);
    for (;;) {
        if (d.passed() || (!d.is_never() && !bell.armed())) return -ETIMEDOUT;
        const long r = call();
        if (r != -EINTR) return r;
    }
}

}  // namespace wye::sys
