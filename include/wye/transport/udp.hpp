#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/io/packet_socket.hpp"

#include <string>

namespace wye {

/// Datagrams, also between hosts. udp(7).
///
/// Not for: whatever must arrive. A datagram may be lost (a receiver that is slow loses what its buffer does not hold),
/// come twice, or come out of order, and nobody is told. What arrives is whole. One host only: UnixSocket of type dgram
/// loses nothing. What hurts: beyond about 1400 bytes a datagram goes in fragments, and is lost when any of them is.
/// Errc::not_found from a connected socket: an *earlier* datagram met nobody. The kernel says it at the next call, in
/// whose place: a send() that answers so has sent nothing, so send again if you mean it; silence proves nothing either
/// way. Anybody may write to a bound socket, under any address: trust no sender. Threads: one may send while another
/// receives. After fork: both processes hold it, and share what comes.
class UdpSocket {
public:
    static constexpr Traits traits{.scheme = "udp",
                                   .name = "UDP",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .reach = Reach::network,
                                   .boundaries = Boundaries::message,
                                   .lifetime = Lifetime::handle,
                                   .ordered = false,
                                   .lossless = false,
                                   .sees_close = false,
                                   .duplex = true};

    /// Sends there, and hears only from there. Says nothing about whether anybody listens.
    [[nodiscard]] static Result<UdpSocket> connect(const std::string& host, const std::string& port);
    /// Hears everybody, and send() answers to whoever wrote last. An empty host is every address; port "0" one of the
    /// kernel's choosing.
    [[nodiscard]] static Result<UdpSocket> bind(const std::string& host, const std::string& port);

    /// Errc::too_big before anything is sent: 65,507 bytes over IPv4, 65,527 over IPv6.
    Result<> send(Bytes b, Deadline d = Deadline::never()) { return socket_.send(b, d); }
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) { return socket_.recv(into, d); }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) { return socket_.recv_view(d); }
    /// Bound: until somebody has written.
    Result<> wait_peer(Deadline d = Deadline::never()) { return socket_.wait_peer(d); }
    unsigned port() const noexcept { return port_; }  ///< our own
    std::size_t max_message() const noexcept { return socket_.max_message(); }
    int native_handle() const noexcept { return socket_.native_handle(); }

private:
    UdpSocket(PacketSocket s, unsigned port) : socket_(std::move(s)), port_(port) {}
    PacketSocket socket_;
    unsigned port_;
};

extern const Mechanism udp_mechanism;

static_assert(Sender<UdpSocket> && Viewer<UdpSocket> && Pollable<UdpSocket> && !HalfCloser<UdpSocket>);

}  // namespace wye
