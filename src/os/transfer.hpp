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

inline msghdr message_of(const iovec* v, int n, Bytes control = {}) noexcept {
    msghdr m{};
    m.msg_iov = const_cast<iovec*>(v);
    m.msg_iovlen = static_cast<std::size_t>(n);
    m.msg_control = const_cast<std::byte*>(control.data());
    m.msg_controllen = control.size();
    return m;
}

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

/// One write where nothing else is called for: a count, -errno, or 0 when it is not as simple as that.
[[gnu::always_inline]] inline long write_plain(int fd, const Port& port, const iovec* v, int n, Deadline d,
                                               Bytes control = {}) noexcept {
    if (!d.is_never()) return 0;
    if (port.kind == Port::Kind::pipe && slow::pipe_nosignal.load(std::memory_order_relaxed)) {
        const long r = sys::pwritev2(fd, v, n, RWF_NOSIGNAL);
        return r != -EOPNOTSUPP && r != -EINVAL ? r : 0;
    }
    if (port.kind != Port::Kind::socket) return 0;
    if (n == 1 && control.empty()) return sys::sendto(fd, v->iov_base, v->iov_len, 0, nullptr, 0);  // a tenth cheaper
    const auto m = message_of(v, n, control);
    return sys::sendmsg(fd, &m, 0);
}

/// Writes at least one byte. A vector of at most PIPE_BUF bytes into a pipe is written whole or not at all.
/// Never raises SIGPIPE; a missing reader is Errc::closed. `control` (sockets only) travels with the first byte.
inline Result<std::size_t> write_some(int fd, Port& port, const iovec* v, int n, Deadline d, Bytes control = {}) {
    const long r = write_plain(fd, port, v, n, d, control);
    if (r > 0) return static_cast<std::size_t>(r);
    return slow::write_some(fd, port, v, n, d, r, control);
}

/// `once(flags)` is one transfer of a message, which answers a value or -errno: called with no flags where the deadline
/// is never(), else with MSG_DONTWAIT, and again when the socket is ready.
template <class F>
[[gnu::always_inline]] inline Result<std::size_t> message_by(int socket, short event, Deadline d, const char* op,
                                                             F&& once) {
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
