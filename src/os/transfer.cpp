#include "os/transfer.hpp"

#include "os/errno.hpp"
#include "os/signal_guard.hpp"
#include "os/wait.hpp"

#include <csignal>
#include <cstdio>

namespace wye::sys {
namespace {

long write_pipe(int fd, const iovec* v, int n, int flags) noexcept {
    if (slow::pipe_nosignal.load(std::memory_order_relaxed)) {
        const long r = sys::pwritev2(fd, v, n, flags | RWF_NOSIGNAL);
        if (r != -EOPNOTSUPP && r != -EINVAL) return r;
        slow::pipe_nosignal.store(false, std::memory_order_relaxed);
    }
    std::size_t wanted = 0;
    for (int i = 0; i < n; ++i) wanted += v[i].iov_len;
    SignalGuard guard(SIGPIPE);
    return guard.watch(flags ? sys::pwritev2(fd, v, n, flags) : sys::writev(fd, v, n), -EPIPE, wanted);
}

// The twin, opened at the first need; -1 when there can be none.
int twin_of(int fd, Port& port, int access) noexcept {
    if (port.twin == nullptr && !port.no_twin) {
        char path[32];
        std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        const long r = sys::open(path, access | O_NONBLOCK);
        if (r >= 0) port.twin = Fd(static_cast<int>(r));
        port.no_twin = r < 0;
    }
    return port.twin.get();
}

// One try that does not wait: a count, or -EAGAIN. `direct` asks the kernel for just that, `through(twin)` is the same
// by the twin, and where neither is to be had a timer interrupts `blocking`.
template <class Direct, class Through, class Blocking>
long try_pipe(int fd, Port& port, int access, Deadline d, Direct&& direct, Through&& through,
              Blocking&& blocking) noexcept {
    if (!port.no_nowait) {
        const long r = direct();
        if (r != -EOPNOTSUPP) return r;
        port.no_nowait = true;
    }
    if (const int twin = twin_of(fd, port, access); twin >= 0) return through(twin);
    pollfd p{.fd = fd, .events = static_cast<short>(access == O_RDONLY ? POLLIN : POLLOUT), .revents = 0};
    const timespec none{};
    const long ready = sys::ppoll(&p, 1, &none);
    if (ready <= 0) return ready == 0 ? -EAGAIN : ready;
    if (d.is_now()) d = std::chrono::milliseconds(1);  // a rival may have taken what poll saw
    const Interrupt bell(d);
    return blocking();
}

// Regular files and terminals: ready, or waited for.
long wait_other(int fd, short event, Deadline d) noexcept {
    if (d.is_never()) return 0;
    const auto ready = wait_ready(fd, event, d);
    return ready ? 0 : -(ready.error().sys() ? ready.error().sys() : EAGAIN);
}

long read_once(int fd, Port& port, const iovec* v, int n, Deadline d) noexcept {
    if (port.kind == Port::Kind::socket) {
        const int flags = d.is_never() ? 0 : MSG_DONTWAIT;
        if (n == 1) return sys::recvfrom(fd, v->iov_base, v->iov_len, flags, nullptr, nullptr);  // a tenth cheaper
        auto m = message_of(v, n);
        return sys::recvmsg(fd, &m, flags);
    }
    if (port.kind == Port::Kind::pipe && !d.is_never())
        return try_pipe(
            fd, port, O_RDONLY, d, [&] { return sys::preadv2(fd, v, n, RWF_NOWAIT); },
            [&](int twin) { return sys::readv(twin, v, n); }, [&] { return sys::readv(fd, v, n); });
    if (port.kind == Port::Kind::other)
        if (const long r = wait_other(fd, POLLIN, d); r < 0) return r;
    return n == 1 ? sys::read(fd, v->iov_base, v->iov_len) : sys::readv(fd, v, n);
}

long write_once(int fd, Port& port, const iovec* v, int n, Deadline d, Bytes control) noexcept {
    if (port.kind == Port::Kind::socket) {
        const auto m = message_of(v, n, control);
        return sys::sendmsg(fd, &m, d.is_never() ? 0 : MSG_DONTWAIT);
    }
    if (port.kind == Port::Kind::pipe && !d.is_never())
        return try_pipe(
            fd, port, O_WRONLY, d, [&] { return write_pipe(fd, v, n, RWF_NOWAIT); },
            [&](int twin) { return write_pipe(twin, v, n, 0); }, [&] { return write_pipe(fd, v, n, 0); });
    if (port.kind == Port::Kind::other)
        if (const long r = wait_other(fd, POLLOUT, d); r < 0) return r;
    return write_pipe(fd, v, n, 0);
}

Port::Kind kind_of(int fd) noexcept {
    struct stat s{};
    if (sys::fstat(fd, &s) != 0) return Port::Kind::other;
    return S_ISSOCK(s.st_mode) ? Port::Kind::socket : S_ISFIFO(s.st_mode) ? Port::Kind::pipe : Port::Kind::other;
}

template <class F>
Result<std::size_t> until(int fd, short event, Deadline d, const char* op, long first, F&& once) {
    for (;;) {
        const long r = first < 0 ? std::exchange(first, 0) : once();
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

Result<std::size_t> slow::read_some(int fd, Port& port, const iovec* v, int n, Deadline d, long first) {
    if (port.kind == Port::Kind::unknown) port.kind = kind_of(fd);
    return until(fd, POLLIN, d, "read", first, [&] { return read_once(fd, port, v, n, d); });
}

Result<std::size_t> slow::write_some(int fd, Port& port, const iovec* v, int n, Deadline d, long first, Bytes control) {
    if (port.kind == Port::Kind::unknown) port.kind = kind_of(fd);
    return until(fd, POLLOUT, d, "write", first, [&] { return write_once(fd, port, v, n, d, control); });
}

}  // namespace wye::sys
