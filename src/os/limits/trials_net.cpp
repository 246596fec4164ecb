// Running into the limits of sockets, in a network namespace of their own.
#include "wye/os/fd.hpp"

#include "os/limits/calls.hpp"
#include "os/limits/limit.hpp"
#include "os/limits/trials.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

namespace wye::sys::trial {
namespace {

int make(Stage& s, int domain, int type) {
    const long fd = sys::socket(domain, type | SOCK_NONBLOCK, 0);
    if (fd < 0) s.give_up("no socket");
    return static_cast<int>(fd);
}

void loopback_up(Stage& s) {
    ifreq r{};
    std::memcpy(r.ifr_name, "lo", 3);
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    const Fd fd(make(s, AF_INET, SOCK_DGRAM));
    if (call(Call::any, [&] { return ::ioctl(fd.get(), SIOCSIFFLAGS, &r); }) < 0) s.give_up("lo cannot be set up");
}

// In the abstract name space: nothing in the file system, and the name is of this namespace alone.
long bind_local(int fd) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + 1, "trial", 5);
    return sys::bind(fd, reinterpret_cast<sockaddr*>(&a), offsetof(sockaddr_un, sun_path) + 6);
}
long connect_local(int fd) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + 1, "trial", 5);
    return sys::connect(fd, reinterpret_cast<sockaddr*>(&a), offsetof(sockaddr_un, sun_path) + 6);
}

sockaddr_in bound(Stage& s, int fd) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    if (sys::bind(fd, reinterpret_cast<sockaddr*>(&a), n) < 0 ||
        sys::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &n) < 0)
        s.give_up("no port");
    return a;
}

// 0 when the other end answered within 300 ms, else what connect() said.
long connect_to(int fd, const sockaddr_in& a) {
    const long r = sys::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
    if (r != -EINPROGRESS) return r;
    pollfd p{.fd = fd, .events = POLLOUT, .revents = 0};
    const timespec wait{.tv_sec = 0, .tv_nsec = 300'000'000};
    if (sys::ppoll(&p, 1, &wait) <= 0) return -EINPROGRESS;
    int e = 0;
    socklen_t n = sizeof e;
    (void)sys::getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n);
    return -e;
}

int option(int fd, int name) {
    int v = 0;
    socklen_t n = sizeof v;
    (void)sys::getsockopt(fd, SOL_SOCKET, name, &v, &n);
    return v;
}
void buffer(Stage& s, int plain, int forced, const char* say, const char* say_forced) {
    const int fd = make(s, AF_UNIX, SOCK_DGRAM);
    const int wanted = INT_MAX / 4;
    const long r = sys::setsockopt(fd, SOL_SOCKET, plain, &wanted, sizeof wanted);
    s.call(say, r,
           "to " + std::to_string(wanted) + ": " + std::to_string(option(fd, plain)) + " were given, and no error");
    s.call(say_forced, sys::setsockopt(fd, SOL_SOCKET, forced, &wanted, sizeof wanted));
}

}  // namespace

void receive_buffer(Stage& s) {
    buffer(s, SO_RCVBUF, SO_RCVBUFFORCE, "setsockopt(SO_RCVBUF)", "setsockopt(SO_RCVBUFFORCE)");
}
void send_buffer(Stage& s) {
    buffer(s, SO_SNDBUF, SO_SNDBUFFORCE, "setsockopt(SO_SNDBUF)", "setsockopt(SO_SNDBUFFORCE)");
}

void option_memory(Stage& s) {
    int p[2];
    if (sys::socketpair(AF_UNIX, SOCK_DGRAM, p) < 0) s.give_up("no socketpair");
    std::vector<char> control(s.value() + 4096);
    char c = 0;
    iovec v{&c, 1};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    s.call("sendmsg", sys::sendmsg(p[0], &m, MSG_DONTWAIT),
           "with " + std::to_string(control.size()) + " bytes of control data");
}

void socket_buffer(Stage& s) {
    int d[2], t[2];
    if (sys::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, d) < 0 ||
        sys::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, t) < 0)
        s.give_up("no socketpair");
    const std::vector<char> large(static_cast<std::size_t>(option(d[0], SO_SNDBUF)) + 1), piece(1024);
    s.call("send", sys::sendto(d[0], large.data(), large.size(), 0, nullptr, 0),
           "of a datagram of " + std::to_string(large.size()) + " bytes");
    s.until("write", 100000, [&](auto) { return sys::sendto(t[0], piece.data(), piece.size(), 0, nullptr, 0); });
}

void backlog(Stage& s) {
    loopback_up(s);
    const int local = make(s, AF_UNIX, SOCK_STREAM), net = make(s, AF_INET, SOCK_STREAM);
    if (bind_local(local) < 0) s.give_up("bind failed");
    const auto where = bound(s, net);
    (void)sys::listen(local, INT_MAX);
    (void)sys::listen(net, INT_MAX);
    std::vector<Fd> kept;
    s.until("connect (unix)", s.value() + 2, [&](auto) {
        kept.emplace_back(make(s, AF_UNIX, SOCK_STREAM));
        return connect_local(kept.back().get());
    });
    s.until("connect (tcp)", s.value() + 2, [&](auto) {
        kept.emplace_back(make(s, AF_INET, SOCK_STREAM));
        return connect_to(kept.back().get(), where);
    });
}

void datagrams(Stage& s) {
    const int to = make(s, AF_UNIX, SOCK_DGRAM), from = make(s, AF_UNIX, SOCK_DGRAM);
    if (bind_local(to) < 0 || connect_local(from) < 0) s.give_up("bind failed");
    const char c = 0;
    s.until("send", s.value() + 2, [&](auto) { return sys::sendto(from, &c, 1, 0, nullptr, 0); });
}

void udp_queue(Stage& s) {
    loopback_up(s);
    const int to = make(s, AF_INET, SOCK_DGRAM), from = make(s, AF_INET, SOCK_DGRAM);
    const int small = 4096;
    (void)sys::setsockopt(to, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const auto where = bound(s, to);
    const auto* a = reinterpret_cast<const sockaddr*>(&where);
    const std::vector<char> message(512), large(65508);
    s.until("sendto", 200, [&](auto) { return sys::sendto(from, message.data(), message.size(), 0, a, sizeof where); });
    std::uint64_t got = 0;
    char into[512];
    while (sys::recvfrom(to, into, sizeof into, 0, nullptr, nullptr) >= 0) ++got;
    s.put({.call = "recv", .last = std::max<std::uint64_t>(got, 1), .remark = "and no more: the others are lost"});
    s.call("sendto", sys::sendto(from, large.data(), large.size(), 0, a, sizeof where), "of 65508 bytes");
}

void ports(Stage& s) {
    loopback_up(s);
    const Fd range(static_cast<int>(sys::open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY)));
    const auto listener = make(s, AF_INET, SOCK_STREAM);
    const auto where = bound(s, listener);
    (void)sys::listen(listener, 64);
    const auto low = ntohs(where.sin_port) > 50000 ? 40000 : 60000;
    const auto text = std::to_string(low) + " " + std::to_string(low + 3);
    if (range.get() < 0 || sys::write(range.get(), text.data(), text.size()) < 0)
        s.give_up("the range of ports cannot be set");
    std::vector<Fd> kept;
    s.until("connect", 6, [&](auto) {
        kept.emplace_back(make(s, AF_INET, SOCK_STREAM));
        return connect_to(kept.back().get(), where);
    });
}

void socket_path(Stage& s) {
    const int fd = make(s, AF_UNIX, SOCK_STREAM);
    char a[sizeof(sockaddr_un) + 8] = {};
    const sa_family_t family = AF_UNIX;
    std::memcpy(a, &family, sizeof family);
    std::fill(a + offsetof(sockaddr_un, sun_path) + 1, std::end(a), 'x');  // abstract: nothing is made in a directory
    s.call("bind", sys::bind(fd, reinterpret_cast<sockaddr*>(a), sizeof(sockaddr_un) + 1), "with a path of 109 bytes");
}

}  // namespace wye::sys::trial
