// Shared pages: mapping them, giving them room, waiting on a word in them, and the files behind them.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include "os/dir_calls.hpp"
#include "os/syscall.hpp"

#include <linux/futex.h>
#include <linux/membarrier.h>

#include <atomic>
#include <string>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Linux 6.3
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020  // Linux 6.3
#endif

namespace wye::sys {

inline long mmap(std::size_t size, int protection, int flags, int fd, void** at) noexcept {
    return call(Call::mmap, [&] {
        void* p = ::mmap(nullptr, size, protection, flags, fd, 0);
        *at = p;
        return p == MAP_FAILED ? -1 : 0;
    });
}
/// Pages of a file from `from` to `to` now: ENOSPC here, not SIGBUS at the first touch. Begun again where a signal
/// interrupted it; -EFBIG above RLIMIT_FSIZE, where the kernel would raise SIGXFSZ.
long reserve(int fd, std::size_t from, std::size_t to) noexcept;
/// Pages of a mapping now, as if each had been written (or read): -ENOSPC where touching one would raise SIGBUS.
long populate(void* at, std::size_t size, bool writable) noexcept;
inline long msync(void* at, std::size_t size, int flags) noexcept {
    return call(Call::msync, [&] { return ::msync(at, size, flags); });
}
inline long memfd_create(const char* name, unsigned flags) noexcept {
    return call(Call::memfd_create, [&] { return ::memfd_create(name, flags | MFD_CLOEXEC); });
}
/// One that takes seals, and cannot be executed where the kernel can promise that.
inline long sealable_memfd(const char* name) noexcept {
    const long r = sys::memfd_create(name, MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    return r == -EINVAL ? sys::memfd_create(name, MFD_ALLOW_SEALING) : r;
}
/// Its seals but for the one that newer kernels add of themselves, or -errno: no file that a stranger serves is asked
/// anything for it.
inline long seals_of(int fd) noexcept {
    const long r = sys::fcntl(fd, F_GET_SEALS);
    return r < 0 ? r : r & ~long{F_SEAL_EXEC};
}
/// Gives an unnamed file (O_TMPFILE) its name; EEXIST when the name is taken.
inline long publish(int fd, int dir, const char* name) noexcept {
    const std::string self = "/proc/self/fd/" + std::to_string(fd);
    return sys::linkat(AT_FDCWD, self.c_str(), dir, name, AT_SYMLINK_FOLLOW);
}
/// An open-file-description lock on one byte: F_WRLCK or F_UNLCK; -EAGAIN when another description holds it.
inline long lock_byte(int fd, off_t at, short type) noexcept {
    return call(Call::fcntl, [&] {
        struct flock l{};
        l.l_type = type, l.l_whence = SEEK_SET, l.l_start = at, l.l_len = 1;
        return ::fcntl(fd, F_OFD_SETLK, &l);
    });
}

/// Whether another description holds a lock there.
inline bool byte_is_locked(int fd, off_t at) noexcept {
    struct flock l{};
    l.l_type = F_WRLCK, l.l_whence = SEEK_SET, l.l_start = at, l.l_len = 1;
    return call(Call::fcntl, [&] { return ::fcntl(fd, F_OFD_GETLK, &l); }) == 0 && l.l_type != F_UNLCK;
}

/// Sleeps while the word is `seen`, at the longest until the deadline: 0 when woken, -EAGAIN when it is not `seen`,
/// -ETIMEDOUT, -EINTR.
long futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Deadline) noexcept;
inline constexpr int every_sleeper = 0x7fffffff;
/// How many were woken.
inline long futex_wake(const std::atomic<std::uint32_t>& word, int most) noexcept {
    return call(Call::futex, [&] { return ::syscall(SYS_futex, &word, FUTEX_WAKE, most, nullptr, nullptr, 0); });
}

/// membarrier(2): after it, every thread of the machine that registered has made a full fence. -EINVAL, -ENOSYS or
/// -EPERM where there is no such thing.
inline long register_for_fences() noexcept {
    return call(Call::membarrier,
                [] { return ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0); });
}
inline long fence_everywhere() noexcept {
    return call(Call::membarrier, [] { return ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0); });
}

/// Shared pages of a file, unmapped when dropped.
class Mapping {
public:
    Mapping() = default;
    static Result<Mapping> of(int fd, std::size_t size, bool writable = true);
    /// A view of what nobody can change any more. Shared, kernels before 6.7 refuse it of a write-sealed file.
    static Result<Mapping> of_sealed(int fd, std::size_t size);
    Mapping(Mapping&& o) noexcept : at_(std::exchange(o.at_, nullptr)), size_(std::exchange(o.size_, 0)) {}
    Mapping& operator=(Mapping&& o) noexcept {
        std::swap(at_, o.at_), std::swap(size_, o.size_);
        return *this;
    }
    ~Mapping() {
        if (at_) ::munmap(at_, size_);
    }
    std::byte* data() const noexcept { return static_cast<std::byte*>(at_); }
    std::size_t size() const noexcept { return size_; }

private:
    static Result<Mapping> made(int fd, std::size_t size, int protection, int flags);
    void* at_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace wye::sys
