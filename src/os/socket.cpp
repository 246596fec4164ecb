#include "os/socket.hpp"

#include "os/errno.hpp"
#include "os/wait.hpp"

namespace wye::sys {
namespace {

using namespace std::chrono_literals;

long make_blocking(int fd) noexcept {
    const long flags = sys::fcntl(fd, F_GETFL);
    return flags < 0 ? flags : sys::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
}

// A full backlog cannot be polled for, but the blocking call honours the send timeout.
long connect_unix_slowly(int fd, const Address& to, Deadline d) noexcept {
    if (const long r = make_blocking(fd); r < 0) return r;
    for (;;) {
        if (d.passed()) return -EAGAIN;
        timeval left{};
        if (!d.is_never()) {
            const auto us = std::max(std::chrono::nanoseconds(1us), d.left()).count() / 1000;
            left = {.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
        }
        (void)sys::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof left);
        const long r = sys::connect(fd, to.get(), to.size);
        if (r == -EINTR || r == -EAGAIN) continue;
        left = {};
        (void)sys::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof left);
        return r;
    }
}

long finish_connect(int fd, Deadline d) noexcept {
    if (auto ready = wait_ready(fd, POLLOUT, d); !ready) return ready.error().sys() ? -ready.error().sys() : -EAGAIN;
    const long e = option(fd, SOL_SOCKET, SO_ERROR);
    return e > 0 ? -e : e;
}

bool given_up(long r) noexcept {
    // accept(2): these are the connection's troubles, not the listener's.
    return r == -EINTR || r == -ECONNABORTED || r == -EPROTO || r == -ENETDOWN || r == -ENOPROTOOPT ||
           r == -EHOSTDOWN || r == -ENONET || r == -EHOSTUNREACH || r == -ENETUNREACH || r == -EPERM;
}

}  // namespace

long option(int fd, int level, int name) noexcept {
    int value = 0;
    socklen_t n = sizeof value;
    const long r = sys::getsockopt(fd, level, name, &value, &n);
    return r < 0 ? r : value;
}

long set_option(int fd, int level, int name, int value) noexcept {
    return sys::setsockopt(fd, level, name, &value, sizeof value);
}

Result<> connect(int fd, const Address& to, Deadline deadline, std::string_view subject) {
    long r = sys::connect(fd, to.get(), to.size);
    if (r == -EINPROGRESS || r == -EINTR)
        r = finish_connect(fd, deadline);
    else if (r == -EAGAIN && to.family() == AF_UNIX && !deadline.is_now())
        r = connect_unix_slowly(fd, to, deadline);
    if (r == 0) r = make_blocking(fd);
    if (r < 0) return sys::fail(r, "connect", subject);
    return {};
}

Result<Fd> accept(int listener, Deadline deadline) {
    Deadline poor = Deadline::never();  // until when to wait for a free descriptor
    for (;;) {
        const long r = sys::accept4(listener, nullptr, nullptr, 0);
        if (r >= 0) return Fd(static_cast<int>(r));
        if (given_up(r)) continue;
        if (r == -EAGAIN) {
            if (deadline.is_now()) return wye::fail(Errc::timed_out);
            if (auto ready = wait_ready(listener, POLLIN, deadline); !ready) return std::unexpected(ready.error());
            continue;
        }
        if (r != -EMFILE && r != -ENFILE && r != -ENOBUFS && r != -ENOMEM) return sys::fail(r, "accept4");
        if (poor.is_never()) poor = deadline.sooner(1s);
        if (poor.passed()) return sys::fail(r, "accept4");
        const Left nap(poor.sooner(20ms));
        (void)sys::ppoll(nullptr, 0, nap.get());
    }
}

}  // namespace wye::sys
