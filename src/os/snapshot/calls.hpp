// The system calls of the snapshot, at the seam of syscall.hpp.
#pragma once
#include "wye/os/fd.hpp"

#include "os/dir_calls.hpp"
#include "os/snapshot/snapshot.hpp"
#include "os/syscall.hpp"

#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include <cstdio>
#include <string_view>

namespace wye::sys {

inline long getdents(int dir, void* into, std::size_t room) noexcept {
    return call(Call::read, [&] { return ::syscall(SYS_getdents64, dir, into, room); });
}
/// What is known of a file without asking its server, mounting anything, or opening it.
inline long look(int dir, const char* name, int flags, FileFacts& f) noexcept {
    struct statx s{};
    const long r = call(Call::fstat, [&] {
        return ::statx(dir, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &s);
    });
    if (r < 0) return r;
    f = {.key = {gnu_dev_makedev(s.stx_dev_major, s.stx_dev_minor), s.stx_ino},
         .mode = s.stx_mode,
         .uid = s.stx_uid,
         .gid = s.stx_gid,
         .size = s.stx_size,
         .allocated = s.stx_blocks * 512,
         .changed = s.stx_ctime.tv_sec * 1'000'000'000 + s.stx_ctime.tv_nsec};
    return 0;
}
/// A place in the file system of a process, its symbolic links followed as that process would. Opens nothing.
inline long open_path_below(int root, const char* path) noexcept {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    return call(Call::open, [&] { return ::syscall(SYS_openat2, root, path, &how, sizeof how); });
}
/// 0 when the two share it.
inline long kcmp(pid_t a, pid_t b, int what) noexcept {
    return call(Call::read, [&] { return ::syscall(SYS_kcmp, a, b, what, 0, 0); });
}
inline long read_memory_of(pid_t pid, std::uint64_t at, void* into, std::size_t n) noexcept {
    const iovec here{into, n}, there{reinterpret_cast<void*>(at), n};  // NOLINT(performance-no-int-to-ptr)
    return call(Call::read, [&] { return ::process_vm_readv(pid, &here, 1, &there, 1, 0); });
}
inline long setns(int fd, int what) noexcept {
    return call(Call::setns, [&] { return ::setns(fd, what); });
}
/// A mount of this kind that lies nowhere in the file tree, and goes with its descriptor.
inline long mount_apart(const char* kind) noexcept {
    return call(Call::open, [&]() -> long {
        const long context = ::syscall(SYS_fsopen, kind, 1u /* FSOPEN_CLOEXEC */);
        if (context < 0) return -1;
        const Fd held(static_cast<int>(context));
        if (::syscall(SYS_fsconfig, context, 6u /* FSCONFIG_CMD_CREATE */, nullptr, nullptr, 0) < 0) return -1;
        return ::syscall(SYS_fsmount, context, 1u /* FSMOUNT_CLOEXEC */, MOUNT_ATTR_RDONLY);
    });
}

/// Of another process's descriptor, without opening it: sockets have their kind as an attribute.
inline bool is_unix_socket(pid_t pid, int fd) noexcept {
    char way[48], kind[32];
    std::snprintf(way, sizeof way, "/proc/%d/fd/%d", pid, fd);
    const long n = call(Call::read, [&] { return ::getxattr(way, "system.sockprotoname", kind, sizeof kind); });
    return n >= 4 && std::string_view(kind, 4) == "UNIX";
}

/// Of a queue or of their directory.
inline bool is_of_queues(int fd) noexcept {
    struct statfs s{};
    return call(Call::statfs, [&] { return ::fstatfs(fd, &s); }) == 0 && s.f_type == 0x19800202;  // MQUEUE_MAGIC
}

/// Gives this thread a table of descriptors of its own, with copies of those below `from`.
inline long part_descriptors(unsigned from) noexcept {
    return call(Call::close, [&] { return ::syscall(SYS_close_range, from, ~0u, 2u /* CLOSE_RANGE_UNSHARE */); });
}
inline long close_from(unsigned from) noexcept {
    return call(Call::close, [&] { return ::syscall(SYS_close_range, from, ~0u, 0u); });
}
inline long dup_to(int fd, int to) noexcept {
    return call(Call::fcntl, [&] { return ::dup3(fd, to, O_CLOEXEC); });
}

/// The names in a directory with their d_type, but "." and "..". False when it cannot be read. `at_once`: of a
/// directory of /proc, which is never cut short while there is room: a call less to hear of the end.
template <class Visit>
bool each_name(int dir, Visit&& visit, bool at_once = false) {
    struct Entry {
        std::uint64_t ino;
        std::int64_t next;
        std::uint16_t size;
        std::uint8_t type;
        char name[1];
    };
    alignas(Entry) char room[16384];
    for (;;) {
        const long n = getdents(dir, room, sizeof room);
        if (n <= 0) return n == 0;
        for (long at = 0; at < n;) {
            const auto* e = reinterpret_cast<const Entry*>(room + at);
            if (const std::string_view name = e->name; name != "." && name != "..") visit(e->name, e->type);
            at += e->size;
        }
        constexpr long largest = 280;  // with a name of 255 bytes
        if (at_once && n + largest <= static_cast<long>(sizeof room)) return true;
    }
}

/// Reads files of /proc into one place that grows to the largest; what it answers holds until the next call.
class Reader {
public:
    /// A file that the kernel writes in one piece: one read. Empty where it cannot be read.
    std::string_view piece(int dir, const char* name) { return read(dir, name, false); }
    std::string_view whole(int dir, const char* name) { return read(dir, name, true); }
    long error() const noexcept { return error_; }  // of the last one, 0 or negative

    /// Closes it; or leaves that to who closes all at once, while they are not many.
    void done(Fd fd) const noexcept {
        constexpr int many = 48;
        if (leaves_open && fd.get() < many) (void)fd.release();
    }
    bool leaves_open = false;

private:
    std::string_view read(int dir, const char* name, bool whole);
    std::string_view read(int fd, bool whole);
    std::string room_ = std::string(std::size_t{32} << 10, '\0');
    long error_ = 0;
};

}  // namespace wye::sys
