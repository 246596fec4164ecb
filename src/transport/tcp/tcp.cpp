// TCP: bytes both ways, also between hosts.
#include "wye/transport/tcp.hpp"

#include "wye/base/text.hpp"

#include "io/first_peer.hpp"
#include "os/errno.hpp"
#include "os/resolve.hpp"

#include <algorithm>

namespace wye {
namespace {

// Waiting: probes after a third of the time, and three of them unanswered. Sending: unacknowledged for the whole time.
Result<> set_up(const Fd& fd, const TcpOptions& o) {
    const auto ms = std::max<long long>(o.dead_after.count(), 1000);
    const int third = static_cast<int>(std::clamp<long long>(ms / 3000, 1, 32767));
    const int ninth = static_cast<int>(std::clamp<long long>(ms * 2 / 9000, 1, 32767));
    const struct {
        int level, name, value;
    } all[] = {
        {IPPROTO_TCP, TCP_NODELAY, o.nodelay},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, third},
        {IPPROTO_TCP, TCP_KEEPINTVL, ninth},
        {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(std::min<long long>(ms, 1 << 30))},
    };
    for (const auto& i : all)
        if (const long r = sys::set_option(fd.get(), i.level, i.name, i.value); r < 0)
            return sys::fail(r, "setsockopt");
    return {};
}

// The kernel's ETIMEDOUT is no deadline of the caller's: the peer was silent for too long.
bool is_silence(const Error& e) noexcept {
    return e.sys() == ETIMEDOUT || e.sys() == EHOSTUNREACH || e.sys() == ENETUNREACH;
}

template <class T>
Result<T> settled(Result<T> r) {
    if (!r && is_silence(r.error())) return std::unexpected(Error(Errc::peer_died, "tcp", {}, r.error().sys()));
    return r;
}

Result<Fd> new_socket(int family) {
    const long r = sys::socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r < 0) return sys::fail(r, "socket");
    return Fd(static_cast<int>(r));
}

}  // namespace

Result<> TcpSocket::send(Bytes b, Deadline d) { return settled(stream_.send(b, d)); }

Result<MutBytes> TcpSocket::recv(MutBytes into, Deadline d) { return settled(stream_.recv(into, d)); }

Result<Bytes> TcpSocket::recv_view(Deadline d) { return settled(stream_.recv_view(d)); }

Result<TcpSocket> TcpSocket::connect(const std::string& host, const std::string& port, TcpOptions o,
                                     Deadline deadline) {
    WYE_TRY(const auto addresses, sys::resolve(host, port, SOCK_STREAM, false));
    Result<TcpSocket> last = fail(Errc::not_found, "connect", host);
    for (const auto& a : addresses) {
        auto fd = new_socket(a.family());
        if (!fd) {
            last = std::unexpected(std::move(fd).error());
            continue;
        }
        WYE_CHECK(set_up(*fd, o));
        auto r = sys::connect(fd->get(), a, deadline, sys::to_text(a));
        if (r) return TcpSocket(std::move(*fd), o.stream);
        last = std::unexpected(std::move(r).error());
        if (last.error().is(Errc::timed_out) && deadline.passed()) break;
    }
    return last;
}

Result<TcpListener> TcpListener::listen(const std::string& host, const std::string& port, TcpOptions o) {
    WYE_TRY(const auto addresses, sys::resolve(host, port, SOCK_STREAM, true));
    Result<TcpListener> last = fail(Errc::not_found, "bind", host);
    for (const auto& a : addresses) {
        auto fd = new_socket(a.family());
        if (!fd) {
            last = std::unexpected(std::move(fd).error());
            continue;
        }
        const int s = fd->get();
        // Without it, a restarted server waits a minute for the last one's connections to be forgotten.
        (void)sys::set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
        if (a.family() == AF_INET6) (void)sys::set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, !host.empty() || o.ipv6_only);
        const char* op = "bind";
        long r = sys::bind(s, a.get(), a.size);
        if (r == 0) op = "listen", r = sys::listen(s, SOMAXCONN);
        if (r == 0) op = "getsockname", r = sys::local_port(s);
        if (r > 0) return TcpListener(std::move(*fd), o, static_cast<unsigned>(r));
        last = sys::fail(r, op, sys::to_text(a));
        // EADDRNOTAVAIL: this machine has no such address (no IPv6, say), and perhaps the next one.
        if (r == -EADDRNOTAVAIL)
            last = fail(Errc::not_found, op, sys::to_text(a));
        else
            break;
    }
    return last;
}

Result<TcpSocket> TcpListener::accept(Deadline d) {
    WYE_TRY(auto fd, sys::accept(fd_.get(), d));
    WYE_CHECK(set_up(fd, options_));
    return TcpSocket(std::move(fd), options_.stream);
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "tcp://127.0.0.1:7000";
constexpr Param params[] = {{"listen", "", "wait there for a peer"}, framing_param, max_param};

Result<Channel> open(const Uri& uri, const OpenOptions&, Deadline deadline) {
    WYE_TRY(const auto at, parse_host_port(uri, example));
    WYE_TRY(const bool listens, uri.flag("listen"));
    TcpOptions o;
    WYE_TRY(o.stream, stream_options(uri));
    if (listens) {
        WYE_TRY(auto l, TcpListener::listen(at.host, at.port, o));
        return Channel(FirstPeer<TcpListener, TcpSocket>(std::move(l)));
    }
    if (parse_number(at.port) == 0u) return uri.refuse("port 0 is for listening", example);
    WYE_TRY(auto s, TcpSocket::connect(at.host, at.port, o, deadline));
    return Channel(std::move(s));
}

std::vector<std::string> scratch(const std::string&) {
    std::vector<std::string> all;
    if (const auto p = sys::free_port("127.0.0.1", SOCK_STREAM)) all.push_back("tcp://127.0.0.1:" + std::to_string(p));
    if (const auto p = sys::free_port("::1", SOCK_STREAM)) all.push_back("tcp://[::1]:" + std::to_string(p));
    return all;
}

}  // namespace

void see_tcp(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism tcp_mechanism{
    .traits = TcpSocket::traits,
    .summary = "bytes both ways, also between hosts",
    .example = example,
    .params = params,
    .open = open,
    .see = see_tcp,
    .scratch = scratch,
};

}  // namespace wye
