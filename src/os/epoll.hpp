// Several descriptors as one that can be polled: epoll(7).
#pragma once
#include "os/syscall.hpp"

#include <sys/epoll.h>

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

}  // namespace wye::sys
