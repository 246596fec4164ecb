// The answers of NETLINK_SOCK_DIAG. sock_diag(7).
#include "os/snapshot/parse.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

namespace wye::sys {
namespace {

using Data = std::span<const std::byte>;

// A T at the front of the data, which need not be aligned for it.
template <class T>
bool take(Data d, T& into) noexcept {
    if (d.size() < sizeof(T)) return false;
    std::memcpy(&into, d.data(), sizeof(T));
    return true;
}

std::size_t aligned(std::size_t n) noexcept { return (n + 3) & ~std::size_t{3}; }

// Each message of the datagram to `row`, up to the end of the dump.
template <class Row>
DiagPart messages(Data d, Row&& row) {
    nlmsghdr h;
    while (take(d, h)) {
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > d.size()) return {};
        const auto body = d.subspan(sizeof h, h.nlmsg_len - sizeof h);
        if (h.nlmsg_type == NLMSG_DONE || h.nlmsg_type == NLMSG_ERROR) {
            std::int32_t error = 0;  // the first word of both
            (void)take(body, error);
            return {.done = true, .error = error < 0 ? -std::max(error, -4095) : 0};
        }
        if (h.nlmsg_type == SOCK_DIAG_BY_FAMILY || h.nlmsg_type == TCPDIAG_GETSOCK) row(body);
        d = d.subspan(std::min(aligned(h.nlmsg_len), d.size()));
    }
    return {};
}

template <class Use>
void attributes(Data d, Use&& use) {
    rtattr a;
    while (take(d, a)) {
        if (a.rta_len < sizeof a || a.rta_len > d.size()) return;
        use(a.rta_type, d.subspan(sizeof a, a.rta_len - sizeof a));
        d = d.subspan(std::min(aligned(a.rta_len), d.size()));
    }
}

std::uint64_t joined(const std::uint32_t cookie[2]) noexcept {
    return cookie[0] | static_cast<std::uint64_t>(cookie[1]) << 32;
}

void fill(UnixSocket& s, unsigned type, Data d) {
    std::uint32_t n = 0;
    if (type == UNIX_DIAG_NAME) {
        s.name.assign(reinterpret_cast<const char*>(d.data()), d.size());
        if (!s.name.empty() && s.name[0] != 0) s.name.erase(std::min(s.name.find('\0'), s.name.size()));
    }
    if (unix_diag_vfs v{}; type == UNIX_DIAG_VFS && take(d, v))
        s.file = {gnu_dev_makedev(v.udiag_vfs_dev >> 20, v.udiag_vfs_dev & 0xfffff), v.udiag_vfs_ino};
    if (type == UNIX_DIAG_PEER && take(d, n)) s.peer = n;
    if (unix_diag_rqlen q{}; type == UNIX_DIAG_RQLEN && take(d, q)) s.receive = q.udiag_rqueue, s.send = q.udiag_wqueue;
    if (type == UNIX_DIAG_UID && take(d, n)) s.uid = n;
    if (type == UNIX_DIAG_ICONS)
        for (; take(d, n); d = d.subspan(sizeof n)) s.waiting.push_back(n);
}

}  // namespace

DiagPart parse_unix_diag(Data datagram, std::vector<UnixSocket>& into) {
    return messages(datagram, [&](Data d) {
        unix_diag_msg m;
        if (!take(d, m) || m.udiag_family != AF_UNIX) return;
        UnixSocket s{
            .ino = m.udiag_ino, .cookie = joined(m.udiag_cookie), .type = m.udiag_type, .state = m.udiag_state};
        attributes(d.subspan(std::min(aligned(sizeof m), d.size())), [&](unsigned type, Data a) { fill(s, type, a); });
        into.push_back(std::move(s));
    });
}

DiagPart parse_inet_diag(Data datagram, bool udp, std::vector<InetSocket>& into) {
    return messages(datagram, [&](Data d) {
        inet_diag_msg m;
        if (!take(d, m) || (m.idiag_family != AF_INET && m.idiag_family != AF_INET6)) return;
        InetSocket s{.udp = udp, .v6 = m.idiag_family == AF_INET6, .state = m.idiag_state};
        const std::size_t size = s.v6 ? 16 : 4;
        std::memcpy(s.local.address, m.id.idiag_src, size);
        std::memcpy(s.remote.address, m.id.idiag_dst, size);
        s.local.port = ntohs(m.id.idiag_sport), s.remote.port = ntohs(m.id.idiag_dport);
        s.ino = m.idiag_inode, s.cookie = joined(m.id.idiag_cookie), s.uid = m.idiag_uid;
        s.receive = m.idiag_rqueue, s.send = m.idiag_wqueue, s.device = m.id.idiag_if;
        into.push_back(s);
    });
}

}  // namespace wye::sys
