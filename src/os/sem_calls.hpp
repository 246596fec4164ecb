// The system calls of semaphores, System V and POSIX.
#pragma once
#include "wye/base/deadline.hpp"

#include "os/syscall.hpp"

#include <semaphore.h>
#include <sys/sem.h>

#include <ctime>

namespace wye::sys {

/// What semctl(2) takes and no header declares.
union SemArgument {
    int value;
    semid_ds* stat;
    unsigned short* values;
    seminfo* info;
};

inline long semget(key_t key, int members, int flags) noexcept {
    return call(Call::semget, [&] { return ::semget(key, members, flags); });
}
inline long semctl(int id, int index, int op, SemArgument a = {}) noexcept {
    return call(Call::semctl, [&] { return ::semctl(id, index, op, a); });
}
/// `left` is relative; null waits for ever.
[[gnu::always_inline]] inline long semop(int id, sembuf* ops, std::size_t n, const timespec* left) noexcept {
    return hot_call(Call::semop, [&] { return bare(SYS_semtimedop, id, word(ops), static_cast<long>(n), word(left)); });
}

/// The semaphore through `s`.
inline long sem_open(const char* name, int flags, mode_t mode, unsigned value, sem_t*& s) noexcept {
    return call(Call::sem_open, [&] { return (s = ::sem_open(name, flags, mode, value)) == SEM_FAILED ? -1 : 0; });
}
inline long sem_unlink(const char* name) noexcept {
    return call(Call::sem_unlink, [&] { return ::sem_unlink(name); });
}

// These make a system call only where somebody waits, so they do not pass the seam.
inline long sem_post(sem_t* s) noexcept { return ::sem_post(s) == 0 ? 0 : -errno; }
inline long sem_wait(sem_t* s) noexcept { return ::sem_wait(s) == 0 ? 0 : -errno; }
inline long sem_trywait(sem_t* s) noexcept { return ::sem_trywait(s) == 0 ? 0 : -errno; }

/// By the monotonic clock: sem_timedwait(3) goes by the one that people set, so it fires early or never.
inline long sem_wait_by(sem_t* s, Deadline d) noexcept {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    const auto ns = at.tv_nsec + d.left().count();
    at.tv_sec += static_cast<time_t>(ns / 1'000'000'000);
    at.tv_nsec = static_cast<long>(ns % 1'000'000'000);
    return ::sem_clockwait(s, CLOCK_MONOTONIC, &at) == 0 ? 0 : -errno;
}

}  // namespace wye::sys
