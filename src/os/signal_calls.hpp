// System calls on signals, at the seam of syscall.hpp.
#pragma once
#include "os/syscall.hpp"

#include <sys/signalfd.h>

#include <csignal>

namespace wye::sys {

/// A SIG_BLOCK or SIG_UNBLOCK of this thread's mask cannot fail.
inline void mask(int how, const sigset_t& set, sigset_t* before = nullptr) noexcept {
    ::pthread_sigmask(how, &set, before);
}
inline long signalfd(const sigset_t& set) noexcept {
    return call(Call::signalfd, [&] { return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK); });
}
/// Null waits for ever; -EAGAIN when the time is over.
inline long sigtimedwait(const sigset_t& set, siginfo_t* info, const timespec* left) noexcept {
    return call(Call::sigtimedwait, [&] { return ::sigtimedwait(&set, info, left); });
}
inline long pidfd_queue(int pidfd, int number, siginfo_t* info) noexcept {
    return call(Call::pidfd_send_signal, [&] { return ::syscall(SYS_pidfd_send_signal, pidfd, number, info, 0); });
}
inline uid_t real_user() noexcept { return ::getuid(); }

}  // namespace wye::sys
