#include "os/usage/sockets.hpp"

#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace wye::sys {
namespace {

// Each answer of one dump to `each(payload, bytes)`.
template <class Request, class F>
Result<> dump(const Request& wanted, F&& each) {
    struct {
        nlmsghdr head;
        Request body;
    } m{};
    m.head.nlmsg_len = sizeof m;
    m.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    m.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    m.body = wanted;
    const Fd s(static_cast<int>(sys::socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG)));
    if (s.get() < 0) return fail(s.get(), "socket", "sock_diag");
    if (const long r = sys::sendto(s.get(), &m, sizeof m, 0, nullptr, 0); r < 0) return fail(r, "send", "sock_diag");
    alignas(nlmsghdr) static thread_local char buffer[64 * 1024];
    for (;;) {
        const long n = sys::recvfrom(s.get(), buffer, sizeof buffer, 0, nullptr, nullptr);
        if (n == -EINTR) continue;
        if (n <= 0) return fail(n, "recv", "sock_diag");
        auto left = static_cast<unsigned>(n);
        for (auto* h = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            if (h->nlmsg_type == NLMSG_DONE) return {};
            if (h->nlmsg_type == NLMSG_ERROR) {
                const auto* e = static_cast<const nlmsgerr*>(NLMSG_DATA(h));
                return fail(h->nlmsg_len >= NLMSG_LENGTH(sizeof *e) ? e->error : -EIO, "sock_diag");
            }
            each(static_cast<const char*>(NLMSG_DATA(h)), h->nlmsg_len - NLMSG_HDRLEN);
        }
    }
}

std::string address(int family, const __be32* a, std::uint16_t port) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(family, a, text, sizeof text);
    const std::string_view t = text;
    const auto host = t == "0.0.0.0" || t == "::" ? std::string()
                      : family == AF_INET6        ? "[" + std::string(t) + "]"
                                                  : std::string(t);
    return host + ":" + std::to_string(ntohs(port));
}

Result<> tcp(std::uint8_t family, std::uint16_t first, std::uint16_t last, std::vector<Listener>& listeners,
             std::map<std::string, std::uint64_t>& towards) {
    inet_diag_req_v2 q{};
    q.sdiag_family = family;
    q.sdiag_protocol = IPPROTO_TCP;
    q.idiag_states = ~0u;
    return dump(q, [&](const char* p, std::size_t n) {
        inet_diag_msg d{};
        if (n < sizeof d) return;
        std::memcpy(&d, p, sizeof d);
        if (d.idiag_state == TCP_LISTEN) {
            listeners.push_back({"tcp " + address(family, d.id.idiag_src, d.id.idiag_sport), d.idiag_rqueue,
                                 d.idiag_wqueue, d.idiag_uid});
        } else if (const auto port = ntohs(d.id.idiag_sport); port >= first && port <= last) {
            ++towards["tcp " + address(family, d.id.idiag_dst, d.id.idiag_dport)];
        }
    });
}

Result<> local(std::vector<Listener>& listeners) {
    unix_diag_req q{};
    q.sdiag_family = AF_UNIX;
    q.udiag_states = 1u << TCP_LISTEN;
    q.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
    return dump(q, [&](const char* p, std::size_t n) {
        if (n < sizeof(unix_diag_msg)) return;
        Listener l;
        l.name = "unix";
        auto left = static_cast<unsigned>(n - NLMSG_ALIGN(sizeof(unix_diag_msg)));
        for (const auto* a = reinterpret_cast<const rtattr*>(p + NLMSG_ALIGN(sizeof(unix_diag_msg))); RTA_OK(a, left);
             a = RTA_NEXT(a, left)) {
            const auto* data = reinterpret_cast<const char*>(a) + RTA_LENGTH(0);
            if (a->rta_type == UNIX_DIAG_NAME && RTA_PAYLOAD(a) > 0) {
                std::string name(data, RTA_PAYLOAD(a));
                if (name[0] == '\0') name[0] = '@';
                l.name += " " + name.substr(0, name.find('\0'));
            }
            if (a->rta_type == UNIX_DIAG_UID && RTA_PAYLOAD(a) >= sizeof l.user)
                std::memcpy(&l.user, data, sizeof l.user);
            unix_diag_rqlen queue{};
            if (a->rta_type == UNIX_DIAG_RQLEN && RTA_PAYLOAD(a) >= sizeof queue) {
                std::memcpy(&queue, data, sizeof queue);
                l.waiting = queue.udiag_rqueue;
                l.backlog = queue.udiag_wqueue;
            }
        }
        listeners.push_back(std::move(l));
    });
}

}  // namespace

Result<SocketUse> look_at_sockets(std::uint16_t first, std::uint16_t last) {
    SocketUse u;
    std::map<std::string, std::uint64_t> towards;
    WYE_CHECK(tcp(AF_INET, first, last, u.listeners, towards));
    WYE_CHECK(tcp(AF_INET6, first, last, u.listeners, towards));
    WYE_CHECK(local(u.listeners));
    for (auto& [name, connections] : towards) u.destinations.push_back({name, connections});
    return u;
}

}  // namespace wye::sys
