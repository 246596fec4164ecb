// Being told of a message in an empty queue, by signal or by descriptor.
#include "wye/transport/posix_mq.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

namespace wye {
namespace {

// What the kernel sends back on the socket; it writes into the last byte what became of the registration.
using Cookie = std::array<unsigned char, 32>;
constexpr unsigned char woken_up = 1;

Result<> registered(long r, const char* subject = "") {
    if (r < 0) return sys::fail(r, "mq_notify", subject);
    return {};
}

}  // namespace

Result<> PosixMq::notify_signal(int number, int value) {
    sigevent e{};
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = number;
    e.sigev_value.sival_int = value;
    return registered(sys::mq_notify(fd_.get(), &e));
}

Result<> PosixMq::notify_cancel() { return registered(sys::mq_notify(fd_.get(), nullptr)); }

Result<PosixMqNotification> PosixMq::notify_descriptor() {
    const long s = sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (s < 0) return sys::fail(s, "socket(AF_NETLINK)");
    PosixMqNotification n(fd_.get(), Fd(static_cast<int>(s)));
    WYE_CHECK(n.rearm());
    return n;
}

// This is how the kernel serves glibc's SIGEV_THREAD; the thread is left out, the descriptor is handed on.
Result<> PosixMqNotification::rearm() {
    WYE_TRY(const bool now, heard());
    told_ |= now;
    if (armed_) return {};
    Cookie cookie{};
    sigevent e{};
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_signo = socket_.get();
    e.sigev_value.sival_ptr = cookie.data();
    WYE_CHECK(registered(sys::mq_notify(queue_, &e)));
    armed_ = true;
    return {};
}

Result<> PosixMqNotification::wait(Deadline d) {
    for (;;) {
        if (std::exchange(told_, false)) return {};
        WYE_TRY(const bool now, heard());
        if (now) return {};
        if (auto ready = sys::wait_ready(socket_.get(), POLLIN, d); !ready) return std::unexpected(ready.error());
    }
}

// Takes what lies on the socket: true when a message came since.
Result<bool> PosixMqNotification::heard() {
    bool any = false;
    for (;;) {
        Cookie cookie{};
        iovec v{cookie.data(), cookie.size()};
        msghdr h{};
        h.msg_iov = &v;
        h.msg_iovlen = 1;
        const long r = sys::recvmsg(socket_.get(), &h, MSG_DONTWAIT);
        if (r == -EINTR) continue;
        if (r == -EAGAIN) return any;
        if (r < 0) return sys::fail(r, "recvmsg");
        armed_ = false;
        if (cookie.back() != woken_up) return wye::fail(Errc::closed, "mq_notify");
        any = true;
    }
}

}  // namespace wye
