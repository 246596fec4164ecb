// System calls that only trials make, at the seam of syscall.hpp.
#pragma once
#include "os/syscall.hpp"

#include <linux/aio_abi.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include <csignal>
#include <cstdio>

namespace wye::sys {

inline long prctl(int what, unsigned long a) noexcept {
    return call(Call::any, [&] { return ::prctl(what, a, 0UL, 0UL, 0UL); });
}
/// The running kernel's, as 6018 for 6.18.
inline unsigned kernel_version() noexcept {
    utsname kernel{};
    unsigned major = 0, minor = 0;
    if (call(Call::any, [&] { return ::uname(&kernel); }) == 0)
        (void)std::sscanf(kernel.release, "%u.%u", &major, &minor);
    return major * 1000 + minor;
}
/// The C library's, so that its locks are whole in the child.
inline long fork() noexcept {
    return call(Call::any, [] { return ::fork(); });
}
/// Of our own child, which is reaped; -1 when there is none.
inline int wait_status(long pid) noexcept {
    int status = -1;
    while (::waitpid(static_cast<pid_t>(pid), &status, 0) < 0 && errno == EINTR) {}
    return status;
}
/// Any child that has ended or will; -ECHILD when there is none.
inline long wait_any() noexcept {
    return call(Call::waitid, [] { return ::waitpid(-1, nullptr, 0); });
}
inline long setrlimit(int what, const rlimit& l) noexcept {
    return call(Call::any, [&] { return ::setrlimit(static_cast<__rlimit_resource>(what), &l); });
}
inline long unshare(unsigned spaces) noexcept {
    return call(Call::any, [&] { return ::unshare(static_cast<int>(spaces)); });
}
inline long mount(const char* what, const char* where, const char* kind, unsigned long flags,
                  const char* options) noexcept {
    return call(Call::any, [&] { return ::mount(what, where, kind, flags, options); });
}
/// Not the C library's: AddressSanitizer's does nothing.
inline long mlock(const void* at, std::size_t bytes) noexcept {
    return call(Call::any, [&] { return ::syscall(SYS_mlock, at, bytes); });
}
inline long sigqueue(pid_t pid, int signal) noexcept {
    return call(Call::kill, [&] { return ::sigqueue(pid, signal, sigval{}); });
}
inline long io_setup(unsigned events) noexcept {
    aio_context_t context = 0;
    return call(Call::any, [&] { return ::syscall(SYS_io_setup, events, &context); });
}
inline long io_uring_setup(unsigned entries) noexcept {
    struct {  // struct io_uring_params, all zero
        std::uint32_t words[30] = {};
    } parameters;
    return call(Call::any, [&] { return ::syscall(SYS_io_uring_setup, entries, &parameters); });
}
inline long shm_open(const char* name, int flags, mode_t mode) noexcept {
    return call(Call::open, [&] { return ::shm_open(name, flags, mode); });
}

}  // namespace wye::sys
