#include "wye/os/poll_proxy.hpp"

#include "os/epoll.hpp"
#include "os/errno.hpp"

namespace wye {

Result<Fd> poll_proxy(int fd, bool for_writing) {
    const long r = sys::epoll_create();
    if (r < 0) return sys::fail(r, "epoll_create1");
    Fd epoll(static_cast<int>(r));
    if (const long a = sys::epoll_add(epoll.get(), fd, for_writing ? EPOLLOUT : EPOLLIN); a < 0)
        return sys::fail(a, "epoll_ctl");
    return epoll;
}

}  // namespace wye
