#include "os/transfer.hpp"

#include <csignal>

#include "os/errno.hpp"
#include "os/wait.hpp"

namespace wye::sys {
namespace {

// What this kernel can do, learnt from its first EOPNOTSUPP. Relaxed: a late reader asks the kernel once more.
std::atomic<bool> pipe_nowait{true};    // RWF_NOWAIT on pipes, Linux 6.4
std::atomic<bool> pipe_nosignal{true};  // RWF_NOSIGNAL, Linux 6.18

msghdr header(const iovec* v, int n) noexcept {
    msghdr m{};
    m.msg_iov = const_cast<iovec*>(v);
    m.msg_iovlen = static_cast<std::size_t>(n);
    return m;
}

// Blocks SIGPIPE in this thread while it lives, and eats one that was raised meanwhile.
class NoSigpipe {
public:
    NoSigpipe() noexcept {
        sigset_t pending;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~NoSigpipe() {
        const timespec none{};
        if (raised_ && !was_pending_) ::sigtimedwait(&pipe_, nullptr, &none);
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    long watch(long r) noexcept {
        raised_ = r == -EPIPE;
        return r;
    }

private:
    sigset_t pipe_{}, before_{};
    bool was_pending_ = false, raised_ = false;
};

long write_pipe(int fd, const iovec* v, int n, int flags) noexcept {
    if (pipe_nosignal.load(std::memory_order_relaxed)) {
        const long r = sys::pwritev2(fd, v, n, flags | RWF_NOSIGNAL);
        if (r != -EOPNOTSUPP && r != -EINVAL) return r;
        pipe_nosignal.store(false, std::memory_order_relaxed);
    }
    NoSigpipe guard;
    return guard.watch(flags ? sys::pwritev2(fd, v, n, flags) : sys::writev(fd, v, n));
}

// One try that does not wait: a count, or -EAGAIN. Where that cannot be asked for, the deadline's timer bounds it.
template <class Nowait, class Plain>
long try_pipe(int fd, short event, Deadline d, Nowait&& nowait, Plain&& plain) noexcept {
    if (pipe_nowait.load(std::memory_order_relaxed)) {
        const long r = nowait();
        if (r != -EOPNOTSUPP) return r;
        pipe_nowait.store(false, std::memory_order_relaxed);
    }
    pollfd p{.fd = fd, .events = event, .revents = 0};
    const timespec none{};
    const long ready = sys::ppoll(&p, 1, &none);
    if (ready <= 0) return ready == 0 ? -EAGAIN : ready;
    if (d.is_now()) d = std::chrono::milliseconds(1);  // a rival may have taken what poll saw
    const Interrupt bell(d);
    return plain();
}

long read_once(int fd, Kind kind, const iovec* v, int n, Deadline d) noexcept {
    if (kind == Kind::socket) {
        auto m = header(v, n);
        return sys::recvmsg(fd, &m, d.is_never() ? 0 : MSG_DONTWAIT);
    }
    if (d.is_never()) return n == 1 ? sys::read(fd, v->iov_base, v->iov_len) : sys::readv(fd, v, n);
    if (kind == Kind::pipe)
        return try_pipe(fd, POLLIN, d, [&] { return sys::preadv2(fd, v, n, RWF_NOWAIT); }, [&] { return sys::readv(fd, v, n); });
    if (auto ready = wait_ready(fd, POLLIN, d); !ready) return -(ready.error().sys() ? ready.error().sys() : EAGAIN);
    return sys::readv(fd, v, n);
}

long write_once(int fd, Kind kind, const iovec* v, int n, Deadline d) noexcept {
    if (kind == Kind::socket) {
        const auto m = header(v, n);
        return sys::sendmsg(fd, &m, d.is_never() ? 0 : MSG_DONTWAIT);
    }
    if (kind == Kind::pipe) {
        if (d.is_never()) return write_pipe(fd, v, n, 0);
        return try_pipe(fd, POLLOUT, d, [&] { return write_pipe(fd, v, n, RWF_NOWAIT); }, [&] { return write_pipe(fd, v, n, 0); });
    }
    if (!d.is_never())
        if (auto ready = wait_ready(fd, POLLOUT, d); !ready) return -(ready.error().sys() ? ready.error().sys() : EAGAIN);
    return write_pipe(fd, v, n, 0);
}

template <class F>
Result<std::size_t> until(int fd, short event, Deadline d, const char* op, F&& once) {
    for (;;) {
        const long r = once();
        if (r >= 0) return static_cast<std::size_t>(r);
        if (r == -EINTR) {
            if (d.passed() && !d.is_now()) return wye::fail(Errc::timed_out);
            continue;
        }
        if (r != -EAGAIN) return fail(r, op);
        // The descriptor may be non-blocking by its maker's wish, hence also when the deadline is never().
        if (d.is_now()) return wye::fail(Errc::timed_out);
        if (auto ready = wait_ready(fd, event, d); !ready) return std::unexpected(ready.error());
    }
}

}  // namespace

Kind kind_of(int fd) noexcept {
    struct stat s{};
    if (sys::fstat(fd, &s) != 0) return Kind::other;
    return S_ISSOCK(s.st_mode) ? Kind::socket : S_ISFIFO(s.st_mode) ? Kind::pipe : Kind::other;
}

Result<std::size_t> read_some(int fd, Kind kind, const iovec* v, int n, Deadline d) {
    return until(fd, POLLIN, d, "read", [&] { return read_once(fd, kind, v, n, d); });
}

Result<std::size_t> write_some(int fd, Kind kind, const iovec* v, int n, Deadline d) {
    return until(fd, POLLOUT, d, "write", [&] { return write_once(fd, kind, v, n, d); });
}

}  // namespace wye::sys
