// Several descriptors as one that can be polled: epoll(7).
#pragma once
#include "os/syscall.hpp"
#include "os/wait.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace wye::sys {

inline long epoll_create() noexcept {
    return call(Call::epoll, [] { return ::epoll_create1(EPOLL_CLOEXEC); });
}
/// Level-triggered. A descriptor leaves when it is closed.
inline long epoll_add(int epoll, int fd, std::uint32_t events = EPOLLIN) noexcept {
    return call(Call::epoll, [&] {
        epoll_event e{};
        e.events = events;
        e.data.fd = fd;
        return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
    });
}

inline long epoll_change(int epoll, int fd, std::uint32_t events) noexcept {
    return call(Call::epoll, [&] {
        epoll_event e{};
        e.events = events;
        e.data.fd = fd;
        return ::epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
    });
}
inline long epoll_remove(int epoll, int fd) noexcept {
    return call(Call::epoll, [&] { return ::epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr); });
}
/// How many of `room` are ready, 0 at the deadline. Before Linux 5.11 it waits whole milliseconds.
inline long epoll_wait(int epoll, epoll_event* room, int n, Deadline d) noexcept {
    if (d.is_never() || d.is_now())
        return hot_call(Call::epoll,
                        [&] { return bare(SYS_epoll_pwait, epoll, word(room), n, d.is_never() ? -1 : 0, 0, 8); });
    const Left left(d);
    const long r =
        hot_call(Call::epoll, [&] { return bare(SYS_epoll_pwait2, epoll, word(room), n, word(left.get()), 0, 8); });
    if (r != -ENOSYS) return r;
    const auto ms = (d.left().count() + 999'999) / 1'000'000;
    return call(Call::epoll,
                [&] { return ::epoll_wait(epoll, room, n, static_cast<int>(ms < 1 << 30 ? ms : 1 << 30)); });
}

/// A descriptor that is readable while its number is not 0.
inline long eventfd() noexcept {
    return call(Call::epoll, [] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
}

}  // namespace wye::sys
