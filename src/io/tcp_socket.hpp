// What every room over TCP needs: connections set up alike, listening sockets, and what silence means.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/core/uri.hpp"
#include "wye/os/fd.hpp"

#include <chrono>
#include <string>

namespace wye {

struct TcpSetUp {
    bool nodelay = true;
    std::chrono::milliseconds dead_after{30'000};
    bool ipv6_only = false;
};

/// Errc::not_found when nobody listens there, or there is no such host.
Result<Fd> tcp_connect(const std::string& host, const std::string& port, const TcpSetUp&, Deadline);

struct TcpBound {
    Fd fd;  // non-blocking
    unsigned port;
};
Result<TcpBound> tcp_listen(const std::string& host, const std::string& port, const TcpSetUp&);
Result<Fd> tcp_accept(int listener, const TcpSetUp&, Deadline);

/// The kernel's ETIMEDOUT is no deadline of the caller's: the peer was silent for too long, and is Errc::peer_died.
bool tcp_silence(const Error&) noexcept;
template <class T>
Result<T> tcp_settled(Result<T> r) {
    if (!r && tcp_silence(r.error())) return std::unexpected(Error(Errc::peer_died, "tcp", {}, r.error().sys()));
    return r;
}

/// Whether a host is this machine by its very name, so that nobody on the way can read along.
bool is_loopback(std::string_view host, bool listens) noexcept;
/// Errc::denied for tcp:// with another host, unless the URI says plaintext=allow.
Result<> check_plaintext(const Uri&, const HostPort&, bool listens);
inline constexpr Param plaintext_param{"plaintext", "allow",
                                       "also beyond this machine, where everyone on the way can read and write along"};

}  // namespace wye
