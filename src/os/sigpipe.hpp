// SIGPIPE, kept from a program by a library of another's that would raise it, or that meddles with it.
#pragma once
#include "os/signal_calls.hpp"

namespace wye::sys {

/// While it lives, SIGPIPE is blocked in this thread, and in threads that it starts; one that came meanwhile is eaten
/// at the end. The program's own disposition is as it was before, whatever was done to it in between.
class NoSigpipe {
public:
    explicit NoSigpipe(bool keep_disposition = false) noexcept : keep_(keep_disposition) {
        sigset_t pending;
        sigemptyset(&set_);
        sigaddset(&set_, SIGPIPE);
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        mask(SIG_BLOCK, set_, &before_);
        if (keep_) ::sigaction(SIGPIPE, nullptr, &action_);
    }
    ~NoSigpipe() {
        const timespec none{};
        if (!was_pending_) (void)sigtimedwait(set_, nullptr, &none);
        if (keep_) ::sigaction(SIGPIPE, &action_, nullptr);
        mask(SIG_SETMASK, before_);
    }
    NoSigpipe(const NoSigpipe&) = delete;
    NoSigpipe& operator=(const NoSigpipe&) = delete;

private:
    sigset_t set_{}, before_{};
    struct sigaction action_{};
    bool was_pending_ = false, keep_;
};

}  // namespace wye::sys
