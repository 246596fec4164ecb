#pragma once
#include "wye/io/framed_stream.hpp"

#include <chrono>
#include <string>

namespace wye {

struct TcpOptions {
    StreamOptions stream{};
    bool nodelay = true;  ///< false: small messages wait for one another (Nagle), for fewer packets
    /// A peer that is silently gone (power, cable, firewall) is noticed after about this long, whether we wait or send.
    std::chrono::milliseconds dead_after{30'000};
    bool ipv6_only = false;  ///< listening on every address: leave IPv4 to others
};

/// A TCP connection: bytes both ways, also between hosts. tcp(7).
///
/// Not for: secrets (everyone on the way reads and writes along); one host only (UnixSocket is faster and knows who is
/// there). What hurts: send() means that the kernel has it, not the peer: what was under way when the connection broke
/// is lost, and a peer that reset it is Errc::peer_died. To know that all was read: close_write(), then recv() until
/// Errc::closed. Closing with bytes unread resets the connection, and the peer may lose what it has not read yet. Names
/// are looked up by getaddrinfo(3), which knows no deadline; addresses are tried in its order. Threads: one may send
/// while another receives. After fork: both processes hold it. After exec: gone.
class TcpSocket {
public:
    static constexpr Traits traits{.scheme = "tcp",
                                   .name = "TCP",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .reach = Reach::network,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle,
                                   .duplex = true};

    /// Errc::not_found when nobody listens there, or there is no such host.
    [[nodiscard]] static Result<TcpSocket> connect(const std::string& host, const std::string& port, TcpOptions = {},
                                                   Deadline = Deadline::never());
    /// From a connected socket that was inherited or passed; its options stay as they are.
    explicit TcpSocket(Fd fd, StreamOptions o = {}) : stream_(std::move(fd), o) {}

    Result<> send(Bytes, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());
    Result<Bytes> recv_view(Deadline = Deadline::never());
    Result<> close_write() { return stream_.close_write(); }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    FramedStream stream_;
};

/// Waits for connections. accept() may be called by several threads.
class TcpListener {
public:
    /// An empty host is every address, IPv4 and IPv6; port "0" one of the kernel's choosing. Errc::busy when somebody
    /// listens there.
    [[nodiscard]] static Result<TcpListener> listen(const std::string& host, const std::string& port, TcpOptions = {});

    /// Errc::exhausted, after a second, when no descriptor is free; the connection waits.
    [[nodiscard]] Result<TcpSocket> accept(Deadline = Deadline::never());
    unsigned port() const noexcept { return port_; }
    std::size_t max_message() const noexcept { return options_.stream.max_message; }
    int native_handle() const noexcept { return fd_.get(); }

private:
    TcpListener(Fd fd, TcpOptions o, unsigned port) : fd_(std::move(fd)), options_(o), port_(port) {}
    Fd fd_;
    TcpOptions options_;
    unsigned port_;
};

extern const Mechanism tcp_mechanism;

static_assert(Sender<TcpSocket> && Viewer<TcpSocket> && HalfCloser<TcpSocket> && Pollable<TcpSocket>);

}  // namespace wye
