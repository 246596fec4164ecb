// Moving bytes through any descriptor: what a socket, a pipe, a terminal and a file each need is settled here.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/port.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

namespace wye::sys {

namespace slow {
/// `first` is what one try answered already, or 0 for none yet.
Result<std::size_t> read_some(int fd, Port&, const iovec*, int count, Deadline, long first);
Result<std::size_t> write_some(int fd, Port&, const iovec*, int count, Deadline, long first, Bytes control = {});
/// RWF_NOSIGNAL (Linux 6.18), until the first EOPNOTSUPP. Relaxed: a late reader asks the kernel once more.
inline std::atomic<bool> pipe_nosignal{true};
}  // namespace slow

// The plain case of each lies here so that nothing but the call itself is called: after a system call the processor has
// forgotten where it came from, and every return from a deep chain costs as much as the copy of a small message.

/// Reads at least one byte, or answers 0 at the end. Errc::timed_out when the deadline passes first.
[[gnu::always_inline]] inline Result<std::size_t> read_some(int fd, Port& port, const iovec* v, int n, Deadline d) {
    long r = 0;
    if (d.is_never() && port.kind != Port::Kind::unknown) {
        r = n == 1 ? sys::read(fd, v->iov_base, v->iov_len) : sys::readv(fd, v, n);
        if (r >= 0) [[likely]]
            return static_cast<std::size_t>(r);
    }
    return slow::read_some(fd, port, v, n, d, r);
}

/// Writes at least one byte. A vector of at most PIPE_BUF bytes into a pipe is written whole or not at all.
/// Never raises SIGPIPE; a missing reader is Errc::closed. `control` (sockets only) travels with the first byte.
[[gnu::always_inline]] inline Result<std::size_t> write_some(int fd, Port& port, const iovec* v, int n, Deadline d,
                                                             Bytes control = {}) {
    long r = 0;
    if (d.is_never()) {
        if (port.kind == Port::Kind::pipe && slow::pipe_nosignal.load(std::memory_order_relaxed)) {
            r = sys::pwritev2(fd, v, n, RWF_NOSIGNAL);
            if (r == -EOPNOTSUPP || r == -EINVAL)
                r = 0;
            else if (r >= 0) [[likely]]
                return static_cast<std::size_t>(r);
        } else if (port.kind == Port::Kind::socket && n == 1 && control.empty()) {
            r = sys::sendto(fd, v->iov_base, v->iov_len, 0, nullptr, 0);
            if (r >= 0) [[likely]]
                return static_cast<std::size_t>(r);
        }
    }
    return slow::write_some(fd, port, v, n, d, r < 0 ? r : 0, control);
}

/// `once(flags)` is one transfer of a message, which answers a value or -errno: called with no flags where the deadline
/// is never(), else with MSG_DONTWAIT, and again when the socket is ready.
template <class F>
Result<std::size_t> message_by(int socket, short event, Deadline d, const char* op, F&& once) {
    for (;;) {
        const long r = once(d.is_never() ? 0 : MSG_DONTWAIT);
        if (r >= 0) [[likely]]
            return static_cast<std::size_t>(r);
        if (r != -EINTR && r != -EAGAIN) return fail(r, op);
        if (d.is_now() && r == -EAGAIN) return wye::fail(Errc::timed_out);
        if (r == -EAGAIN) {
            if (auto ready = wait_ready(socket, event, d); !ready) return std::unexpected(ready.error());
        } else if (d.passed() && !d.is_now()) {
            return wye::fail(Errc::timed_out);
        }
    }
}

}  // namespace wye::sys
