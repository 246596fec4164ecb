// The system calls of removal, at the seam of syscall.hpp.
#pragma once
#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <linux/openat2.h>
#include <sys/statfs.h>

namespace wye::sys {

inline long pwrite(int fd, const void* p, std::size_t n, off_t at) noexcept {
    return call(Call::write, [&] { return ::pwrite(fd, p, clip(Call::write, n), at); });
}
/// A directory, where nobody has put a symbolic link on the way to it.
inline long open_directory(const char* path) noexcept {
    open_how how{};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;
    return call(Call::open, [&] { return ::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how); });
}
inline long fstatfs(int fd, struct statfs* s) noexcept {
    return call(Call::statfs, [&] { return ::fstatfs(fd, s); });
}
/// The time of its last change, of the contents.
inline long set_modified(int fd, std::int64_t ns) noexcept {
    const timespec t[2] = {{0, UTIME_OMIT}, {ns / 1'000'000'000, ns % 1'000'000'000}};
    return call(Call::chmod, [&] { return ::futimens(fd, t); });
}
inline long fchown(int fd, uid_t user, gid_t group) noexcept {
    return call(Call::chmod, [&] { return ::fchown(fd, user, group); });
}
inline long mincore(void* at, std::size_t n, unsigned char* pages) noexcept {
    return call(Call::madvise, [&] { return ::mincore(at, n, pages); });
}

}  // namespace wye::sys
