// Every system call of the library, as one short function that answers a value or -errno. Above this file nobody
// touches errno. The calls pass a seam: tests bend it (see inject.hpp), and it counts what a message costs.
#pragma once
#include <fcntl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>

// Newer than the headers of Debian 12; the kernel answers EOPNOTSUPP where it does not know the flag.
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100  // Linux 6.18: a write to a pipe without readers gives EPIPE and no SIGPIPE
#endif
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)  // Linux 6.9; before it EINVAL
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // Linux 6.5
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83  // Linux 6.16; before it ENOPROTOOPT
#endif

namespace wye::sys {

/// The calls that tests can bend, by name.
enum class Call : std::uint8_t {
    any,
    open,
    close,
    read,
    write,
    readv,
    writev,
    preadv2,
    pwritev2,
    pread,
    ppoll,
    fcntl,
    flock,
    ftruncate,
    lseek,
    fstat,
    statfs,
    unlink,
    mkdir,
    rename,
    symlink,
    fsync,
    chmod,
    fchmod,
    getrlimit,
    mkfifo,
    pipe2,
    socket,
    socketpair,
    bind,
    listen,
    accept4,
    connect,
    sendmsg,
    recvmsg,
    getsockopt,
    setsockopt,
    shutdown,
    msgget,
    msgsnd,
    msgrcv,
    msgctl,
    mq_open,
    mq_send,
    mq_receive,
    mq_getattr,
    mq_unlink,
    mq_notify,
    semget,
    semctl,
    semop,
    sem_open,
    sem_unlink,
    inotify,
    spawn,
    waitid,
    kill,
    pidfd_open,
    pidfd_send_signal,
    pidfd_info,
    signalfd,
    sigtimedwait,
    splice,
    tee,
    mmap,
    madvise,
    msync,
    memfd_create,
    shmget,
    shmat,
    shmctl,
    fallocate,
    membarrier,
    epoll,
    futex,
    setns,
};

/// struct pidfd_info of the kernel, as its first version has it: newer than the headers of Debian 12.
struct PidfdInfo {
    std::uint64_t mask = 0, cgroup = 0;
    std::uint32_t pid = 0, tgid = 0, ppid = 0, ids[8] = {};
    std::int32_t exit_code = 0;  // a wait status
    static constexpr std::uint64_t exit_bit = 1u << 3;
};
static_assert(sizeof(PidfdInfo) == 64);

namespace seam {
inline std::atomic<bool> armed{false};
inline std::atomic<std::uint64_t> calls{0};
long intercept(Call) noexcept;                       // 0, or the -errno to answer instead of making the call
std::size_t clip(Call, std::size_t bytes) noexcept;  // how many of `bytes` this transfer may move
long answer(Call, long real) noexcept;               // what is told instead of what the kernel said
// While armed: with the vector clipped.
long readv(int fd, const iovec* v, int n) noexcept;
long writev(int fd, const iovec* v, int n) noexcept;
long preadv2(int fd, const iovec* v, int n, int flags) noexcept;
long pwritev2(int fd, const iovec* v, int n, int flags) noexcept;
long sendmsg(int fd, const msghdr* m, int flags) noexcept;
long recvmsg(int fd, msghdr* m, int flags) noexcept;
}  // namespace seam

/// How many system calls went through here; approximate when several threads call at once.
inline std::uint64_t count() noexcept { return seam::calls.load(std::memory_order_relaxed); }

// The calls that carry every message skip the C library's wrapper: after a system call the processor has forgotten
// where it came from (so do the kernel's guards against speculation), and each return on the way up costs as much as
// copying a small message. Sanitizers want the wrappers.
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#if defined(__has_feature)
#if !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer) && !__has_feature(memory_sanitizer)
#define WYE_BARE_CALLS 1
#endif
#else
#define WYE_BARE_CALLS 1
#endif
#endif

#ifdef WYE_BARE_CALLS
[[gnu::always_inline]] inline long bare(long number, long a, long b, long c, long d = 0, long e = 0,
                                        long f = 0) noexcept {
    long r;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(r)
                 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return r;  // a value or -errno
}
#else
inline long bare(long number, long a, long b, long c, long d = 0, long e = 0, long f = 0) noexcept {
    const long r = ::syscall(number, a, b, c, d, e, f);
    return r == -1 ? -static_cast<long>(errno) : r;
}
#endif
inline long word(const void* p) noexcept { return reinterpret_cast<long>(p); }

/// call(), where f answers -errno itself.
template <class F>
[[gnu::always_inline]] inline long hot_call(Call id, F&& f) noexcept {
    seam::calls.store(seam::calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        if (const long e = seam::intercept(id)) return e;
    return f();
}

template <class F>
inline long call(Call id, F&& f) noexcept {
    // Not a locked add: the count is for reports, and five nanoseconds a call are not.
    seam::calls.store(seam::calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        if (const long e = seam::intercept(id)) return e;
    const auto r = f();
    return r == -1 ? -static_cast<long>(errno) : static_cast<long>(r);
}
inline std::size_t clip(Call id, std::size_t n) noexcept {
    return seam::armed.load(std::memory_order_relaxed) ? seam::clip(id, n) : n;
}
inline long answer(Call id, long real) noexcept {
    return seam::armed.load(std::memory_order_relaxed) ? seam::answer(id, real) : real;
}

// files and descriptors
inline long open(const char* path, int flags, mode_t mode = 0) noexcept {
    return call(Call::open, [&] { return ::open(path, flags | O_CLOEXEC, mode); });
}
inline long close(int fd) noexcept {
    return call(Call::close, [&] { return ::close(fd); });
}
[[gnu::always_inline]] inline long read(int fd, void* p, std::size_t n) noexcept {
    return hot_call(Call::read, [&] { return bare(SYS_read, fd, word(p), static_cast<long>(clip(Call::read, n))); });
}
inline long write(int fd, const void* p, std::size_t n) noexcept {
    return call(Call::write, [&] { return ::write(fd, p, clip(Call::write, n)); });
}
inline long pread(int fd, void* p, std::size_t n, off_t at) noexcept {
    return call(Call::pread, [&] { return ::pread(fd, p, clip(Call::pread, n), at); });
}
[[gnu::always_inline]] inline long readv(int fd, const iovec* v, int n) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::readv(fd, v, n);
    return hot_call(Call::readv, [&] { return bare(SYS_readv, fd, word(v), n); });
}
[[gnu::always_inline]] inline long writev(int fd, const iovec* v, int n) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::writev(fd, v, n);
    return hot_call(Call::writev, [&] { return bare(SYS_writev, fd, word(v), n); });
}
// At the current position.
[[gnu::always_inline]] inline long preadv2(int fd, const iovec* v, int n, int flags) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::preadv2(fd, v, n, flags);
    return hot_call(Call::preadv2, [&] { return bare(SYS_preadv2, fd, word(v), n, -1, -1, flags); });
}
[[gnu::always_inline]] inline long pwritev2(int fd, const iovec* v, int n, int flags) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::pwritev2(fd, v, n, flags);
    return hot_call(Call::pwritev2, [&] { return bare(SYS_pwritev2, fd, word(v), n, -1, -1, flags); });
}
/// Bytes that can be read at once.
inline long readable(int fd) noexcept {
    int n = 0;
    const long r = call(Call::fcntl, [&] { return ::ioctl(fd, FIONREAD, &n); });
    return r < 0 ? r : n;
}
inline long fcntl(int fd, int op, long arg = 0) noexcept {
    return call(Call::fcntl, [&] { return ::fcntl(fd, op, arg); });
}
inline long flock(int fd, int op) noexcept {
    return call(Call::flock, [&] { return ::flock(fd, op); });
}
inline long getrlimit(int what, rlimit* l) noexcept {
    return call(Call::getrlimit, [&] { return ::syscall(SYS_prlimit64, 0, what, nullptr, l); });
}
/// RLIMIT_FSIZE: a write beyond it raises SIGXFSZ. 0 when it cannot be told.
inline std::uint64_t file_size_limit() noexcept {
    rlimit l{};
    return sys::getrlimit(RLIMIT_FSIZE, &l) == 0 ? std::uint64_t{l.rlim_cur} : 0;
}
inline long lseek(int fd, off_t to, int from) noexcept {
    return call(Call::lseek, [&] { return ::lseek(fd, to, from); });
}
inline long ftruncate(int fd, off_t size) noexcept {
    return call(Call::ftruncate, [&] { return ::ftruncate(fd, size); });
}
inline long fstat(int fd, struct stat* s) noexcept {
    return call(Call::fstat, [&] { return ::fstat(fd, s); });
}
inline long stat(const char* path, struct stat* s) noexcept {
    return call(Call::fstat, [&] { return ::stat(path, s); });
}
inline long lstat(const char* path, struct stat* s) noexcept {
    return call(Call::fstat, [&] { return ::lstat(path, s); });
}
inline long unlink(const char* path) noexcept {
    return call(Call::unlink, [&] { return ::unlink(path); });
}
inline long chmod(const char* path, mode_t mode) noexcept {
    return call(Call::chmod, [&] { return ::chmod(path, mode); });
}
inline long fchmod(int fd, mode_t mode) noexcept {
    return call(Call::fchmod, [&] { return ::fchmod(fd, mode); });
}
inline long fchmodat(int dir, const char* name, mode_t mode) noexcept {
    return call(Call::chmod, [&] { return ::fchmodat(dir, name, mode, 0); });
}
/// Of the names themselves: a symbolic link is not followed.
inline long lchownat(int dir, const char* name, uid_t user, gid_t group) noexcept {
    return call(Call::chmod, [&] { return ::fchownat(dir, name, user, group, AT_SYMLINK_NOFOLLOW); });
}
inline long lstatat(int dir, const char* name, struct stat* s) noexcept {
    return call(Call::fstat, [&] { return ::fstatat(dir, name, s, AT_SYMLINK_NOFOLLOW); });
}
inline long unlinkat(int dir, const char* name) noexcept {
    return call(Call::unlink, [&] { return ::unlinkat(dir, name, 0); });
}
inline long mkfifo(const char* path, mode_t mode) noexcept {
    return call(Call::mkfifo, [&] { return ::mkfifo(path, mode); });
}
inline long pipe2(int ends[2], int flags) noexcept {
    return call(Call::pipe2, [&] { return ::pipe2(ends, flags | O_CLOEXEC); });
}
inline long ppoll(pollfd* fds, nfds_t n, const timespec* left) noexcept {
    return call(Call::ppoll, [&] { return ::ppoll(fds, n, left, nullptr); });
}
inline long inotify_init() noexcept {
    return call(Call::inotify, [&] { return ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK); });
}
inline long inotify_add_watch(int fd, const char* path, std::uint32_t mask) noexcept {
    return call(Call::inotify, [&] { return ::inotify_add_watch(fd, path, mask); });
}
inline long splice(int in, int out, std::size_t n, unsigned flags) noexcept {
    return call(Call::splice, [&] { return ::splice(in, nullptr, out, nullptr, clip(Call::splice, n), flags); });
}
inline long tee(int in, int out, std::size_t n, unsigned flags) noexcept {
    return call(Call::tee, [&] { return ::tee(in, out, clip(Call::tee, n), flags); });
}

// sockets; every descriptor is born CLOEXEC
inline long socket(int domain, int type, int protocol) noexcept {
    return call(Call::socket, [&] { return ::socket(domain, type | SOCK_CLOEXEC, protocol); });
}
inline long socketpair(int domain, int type, int ends[2]) noexcept {
    return call(Call::socketpair, [&] { return ::socketpair(domain, type | SOCK_CLOEXEC, 0, ends); });
}
inline long bind(int fd, const sockaddr* a, socklen_t n) noexcept {
    return call(Call::bind, [&] { return ::bind(fd, a, n); });
}
inline long listen(int fd, int backlog) noexcept {
    return call(Call::listen, [&] { return ::listen(fd, backlog); });
}
inline long accept4(int fd, sockaddr* a, socklen_t* n, int flags) noexcept {
    return call(Call::accept4, [&] { return ::accept4(fd, a, n, flags | SOCK_CLOEXEC); });
}
inline long connect(int fd, const sockaddr* a, socklen_t n) noexcept {
    return call(Call::connect, [&] { return ::connect(fd, a, n); });
}
/// MSG_NOSIGNAL is added.
[[gnu::always_inline]] inline long sendmsg(int fd, const msghdr* m, int flags) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::sendmsg(fd, m, flags | MSG_NOSIGNAL);
    return hot_call(Call::sendmsg, [&] { return bare(SYS_sendmsg, fd, word(m), flags | MSG_NOSIGNAL); });
}
/// MSG_CMSG_CLOEXEC is added.
[[gnu::always_inline]] inline long recvmsg(int fd, msghdr* m, int flags) noexcept {
    if (seam::armed.load(std::memory_order_relaxed)) [[unlikely]]
        return seam::recvmsg(fd, m, flags | MSG_CMSG_CLOEXEC);
    return hot_call(Call::recvmsg, [&] { return bare(SYS_recvmsg, fd, word(m), flags | MSG_CMSG_CLOEXEC); });
}
inline long sendto(int fd, const void* p, std::size_t n, int flags, const sockaddr* to, socklen_t size) noexcept {
    return hot_call(Call::sendmsg, [&] {
        return bare(SYS_sendto, fd, word(p), static_cast<long>(clip(Call::sendmsg, n)), flags | MSG_NOSIGNAL, word(to),
                    static_cast<long>(size));
    });
}
inline long recvfrom(int fd, void* p, std::size_t n, int flags, sockaddr* from, socklen_t* size) noexcept {
    return hot_call(Call::recvmsg, [&] {
        return bare(SYS_recvfrom, fd, word(p), static_cast<long>(clip(Call::recvmsg, n)), flags, word(from),
                    word(size));
    });
}
inline long getsockopt(int fd, int level, int name, void* p, socklen_t* n) noexcept {
    return call(Call::getsockopt, [&] { return ::getsockopt(fd, level, name, p, n); });
}
inline long setsockopt(int fd, int level, int name, const void* p, socklen_t n) noexcept {
    return call(Call::setsockopt, [&] { return ::setsockopt(fd, level, name, p, n); });
}
inline long getsockname(int fd, sockaddr* a, socklen_t* n) noexcept {
    return call(Call::getsockopt, [&] { return ::getsockname(fd, a, n); });
}
inline long getpeername(int fd, sockaddr* a, socklen_t* n) noexcept {
    return call(Call::getsockopt, [&] { return ::getpeername(fd, a, n); });
}
inline long shutdown(int fd, int how) noexcept {
    return call(Call::shutdown, [&] { return ::shutdown(fd, how); });
}

// System V and POSIX message queues
inline long msgget(key_t key, int flags) noexcept {
    return call(Call::msgget, [&] { return ::msgget(key, flags); });
}
[[gnu::always_inline]] inline long msgsnd(int id, const void* m, std::size_t n, int flags) noexcept {
    return hot_call(Call::msgsnd, [&] { return bare(SYS_msgsnd, id, word(m), static_cast<long>(n), flags); });
}
[[gnu::always_inline]] inline long msgrcv(int id, void* m, std::size_t n, long type, int flags) noexcept {
    return hot_call(Call::msgrcv, [&] { return bare(SYS_msgrcv, id, word(m), static_cast<long>(n), type, flags); });
}
inline long msgctl(int id, int op, msqid_ds* d) noexcept {
    return call(Call::msgctl, [&] { return ::msgctl(id, op, d); });
}
inline long mq_open(const char* name, int flags, mode_t mode, mq_attr* a) noexcept {
    return call(Call::mq_open, [&] { return ::mq_open(name, flags | O_CLOEXEC, mode, a); });
}
/// `until` is on CLOCK_REALTIME; null blocks. A time in the past makes one try.
[[gnu::always_inline]] inline long mq_send(int q, const char* p, std::size_t n, unsigned priority,
                                           const timespec* until) noexcept {
    return hot_call(Call::mq_send, [&] {
        return bare(SYS_mq_timedsend, q, word(p), static_cast<long>(n), static_cast<long>(priority), word(until));
    });
}
[[gnu::always_inline]] inline long mq_receive(int q, char* p, std::size_t n, unsigned* priority,
                                              const timespec* until) noexcept {
    return hot_call(Call::mq_receive, [&] {
        return bare(SYS_mq_timedreceive, q, word(p), static_cast<long>(n), word(priority), word(until));
    });
}
inline long mq_getattr(int q, mq_attr* a) noexcept {
    return call(Call::mq_getattr, [&] { return ::mq_getattr(q, a); });
}
inline long mq_unlink(const char* name) noexcept {
    return call(Call::mq_unlink, [&] { return ::mq_unlink(name); });
}
/// The bare call: glibc's wrapper would start a thread for SIGEV_THREAD.
inline long mq_notify(int q, const sigevent* e) noexcept {
    return call(Call::mq_notify, [&] { return ::syscall(SYS_mq_notify, q, e); });
}

// processes
inline uid_t effective_user() noexcept { return ::geteuid(); }
inline pid_t own_pid() noexcept { return ::getpid(); }
inline long kill(pid_t pid, int signal) noexcept {
    return call(Call::kill, [&] { return ::kill(pid, signal); });
}
inline long pidfd_open(pid_t pid) noexcept {
    return call(Call::pidfd_open, [&] { return ::syscall(SYS_pidfd_open, pid, 0); });
}
inline long pidfd_send_signal(int pidfd, int signal, unsigned flags = 0) noexcept {
    return call(Call::pidfd_send_signal,
                [&] { return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, flags); });
}
/// Linux 6.13; how a process ended that somebody else has reaped, 6.15.
inline long pidfd_info(int pidfd, PidfdInfo* info) noexcept {
    return call(Call::pidfd_info, [&] { return ::ioctl(pidfd, _IOWR(0xFF, 11, PidfdInfo), info); });
}
inline long waitid(idtype_t what, id_t id, siginfo_t* info, int options) noexcept {
    return call(Call::waitid, [&] { return ::waitid(what, id, info, options); });
}

}  // namespace wye::sys
