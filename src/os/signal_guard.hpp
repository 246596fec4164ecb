// A signal that a call of ours would raise, kept from the program.
#pragma once
#include <csignal>
#include <cstddef>
#include <ctime>

namespace wye::sys {

/// Blocks one signal in this thread while it lives, and eats it if the watched call raised it. One that was pending
/// before stays, and the program's disposition is never touched.
class SignalGuard {
public:
    explicit SignalGuard(int number) noexcept {
        sigset_t pending;
        sigemptyset(&set_);
        sigaddset(&set_, number);
        sigpending(&pending);
        was_pending_ = sigismember(&pending, number) == 1;
        ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
    }
    ~SignalGuard() {
        const timespec none{};
        if (raised_ && !was_pending_) ::sigtimedwait(&set_, nullptr, &none);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    SignalGuard(const SignalGuard&) = delete;
    SignalGuard& operator=(const SignalGuard&) = delete;
    /// Hands the result on; `telltale` is the -errno that comes with the signal, `wanted` what a whole transfer moves.
    long watch(long result, long telltale, std::size_t wanted) noexcept {
        raised_ = result == telltale || (result >= 0 && static_cast<std::size_t>(result) < wanted);
        return result;
    }

private:
    sigset_t set_{}, before_{};
    bool was_pending_ = false, raised_ = false;
};

/// While it lives this thread takes no signals, nor do threads that it starts: the program's handlers run in the
/// program's own.
class NoSignals {
public:
    NoSignals() noexcept {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~NoSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    NoSignals(const NoSignals&) = delete;
    NoSignals& operator=(const NoSignals&) = delete;

private:
    sigset_t before_{};
};

}  // namespace wye::sys
