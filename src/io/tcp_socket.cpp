#include "io/tcp_socket.hpp"

#include "os/errno.hpp"
#include "os/resolve.hpp"

#include <algorithm>

namespace wye {
namespace {

// Waiting: probes after a third of the time, and three of them unanswered. Sending: unacknowledged for the whole time.
Result<> set_up(const Fd& fd, const TcpSetUp& o) {
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

Result<Fd> new_socket(int family) {
    const long r = sys::socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r < 0) return sys::fail(r, "socket");
    return Fd(static_cast<int>(r));
}

}  // namespace

bool tcp_silence(const Error& e) noexcept {
    return e.sys() == ETIMEDOUT || e.sys() == EHOSTUNREACH || e.sys() == ENETUNREACH;
}

Result<Fd> tcp_connect(const std::string& host, const std::string& port, const TcpSetUp& o, Deadline deadline) {
    WYE_TRY(const auto addresses, sys::resolve(host, port, SOCK_STREAM, false));
    Result<Fd> last = fail(Errc::not_found, "connect", host);
    for (const auto& a : addresses) {
        auto fd = new_socket(a.family());
        if (!fd) {
            last = std::unexpected(std::move(fd).error());
            continue;
        }
        WYE_CHECK(set_up(*fd, o));
        auto r = sys::connect(fd->get(), a, deadline, sys::to_text(a));
        if (r) return fd;
        last = std::unexpected(std::move(r).error());
        if (last.error().is(Errc::timed_out) && deadline.passed()) break;
    }
    return last;
}

Result<TcpBound> tcp_listen(const std::string& host, const std::string& port, const TcpSetUp& o) {
    WYE_TRY(const auto addresses, sys::resolve(host, port, SOCK_STREAM, true));
    Result<TcpBound> last = fail(Errc::not_found, "bind", host);
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
        if (r > 0) return TcpBound{std::move(*fd), static_cast<unsigned>(r)};
        last = sys::fail(r, op, sys::to_text(a));
        // EADDRNOTAVAIL: this machine has no such address (no IPv6, say), and perhaps the next one.
        if (r == -EADDRNOTAVAIL)
            last = fail(Errc::not_found, op, sys::to_text(a));
        else
            break;
    }
    return last;
}

Result<Fd> tcp_accept(int listener, const TcpSetUp& o, Deadline d) {
    WYE_TRY(auto fd, sys::accept(listener, d));
    WYE_CHECK(set_up(fd, o));
    return fd;
}

// ---------------------------------------------------------------- who can read along

bool is_loopback(std::string_view host, bool listens) noexcept {
    if (host.empty()) return !listens;  // listening: every address
    if (host == "::1" || host == "localhost" || host.ends_with(".localhost")) return true;
    // As numbers only: 127.example.org is a name like any other.
    return host.starts_with("127.") &&
           std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

Result<> check_plaintext(const Uri& uri, const HostPort& at, bool listens) {
    static constexpr std::string_view choices[] = {"", "allow"};
    if (uri.has("plaintext")) {
        WYE_CHECK(uri.choice("plaintext", choices));
        if (uri.get("plaintext") == "allow") return {};
        return uri.refuse("plaintext has one value", "plaintext=allow");
    }
    if (is_loopback(at.host, listens)) return {};
    const auto host = at.host.find(':') == at.host.npos ? at.host : "[" + at.host + "]";
    const auto where = host + ":" + at.port + (listens ? "?listen&" : "?");
    return refuse(Errc::denied,
                  std::string(uri.text()) + ": " +
                      (at.host.empty() ? "every address of this machine" : "\"" + at.host + "\"") +
                      " is not loopback, and everyone on the way could read and write along; write tls://" + where +
                      "ca=FILE&cert=FILE&key=FILE, or tcp://" + where + "plaintext=allow");
}

}  // namespace wye
