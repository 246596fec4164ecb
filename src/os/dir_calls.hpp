// System calls on directories and what is in them, at the seam of syscall.hpp.
#pragma once
#include "os/syscall.hpp"

#include <stdio.h>

namespace wye::sys {

inline long mkdir(const char* path, mode_t mode) noexcept {
    return call(Call::mkdir, [&] { return ::mkdir(path, mode); });
}
inline long rmdirat(int dir, const char* name) noexcept {
    return call(Call::unlink, [&] { return ::unlinkat(dir, name, AT_REMOVEDIR); });
}
inline long openat(int dir, const char* name, int flags, mode_t mode = 0) noexcept {
    return call(Call::open, [&] { return ::openat(dir, name, flags | O_CLOEXEC, mode); });
}
inline long renameat(int from, const char* old_name, int to, const char* new_name, unsigned flags = 0) noexcept {
    return call(Call::rename, [&] { return ::renameat2(from, old_name, to, new_name, flags); });
}
inline long linkat(int from, const char* old_name, int to, const char* new_name, int flags) noexcept {
    return call(Call::rename, [&] { return ::linkat(from, old_name, to, new_name, flags); });
}
inline long symlinkat(const char* target, int dir, const char* name) noexcept {
    return call(Call::symlink, [&] { return ::symlinkat(target, dir, name); });
}
inline long readlinkat(int dir, const char* name, char* into, std::size_t room) noexcept {
    return call(Call::read, [&] { return ::readlinkat(dir, name, into, room); });
}
inline long fsync(int fd) noexcept {
    return call(Call::fsync, [&] { return ::fsync(fd); });
}

}  // namespace wye::sys
