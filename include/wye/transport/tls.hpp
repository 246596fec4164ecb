#pragma once
#include "wye/io/framed_stream.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace wye {

/// Who we are, and whom we trust: PEM files. Both ends show a certificate, and both look.
struct TlsIdentity {
    std::string ca;    ///< those who may sign the other end's certificate
    std::string cert;  ///< ours, and what leads from it to the other's `ca`
    std::string key;   ///< its key; a file that others may read, or that neither we nor root own, is Errc::denied
    /// Whom the other's certificate must be for: a host name or an address. Empty: connecting, the host that was asked
    /// for; listening, whoever has one that `ca` signed.
    std::string name;
};

struct TlsOptions {
    StreamOptions stream{};
    TlsIdentity who{};
    std::chrono::milliseconds dead_after{30'000};  ///< as TcpOptions has it
    std::chrono::milliseconds handshake{10'000};   ///< so long the other end has to show who it is
};

namespace tls {
class Session;
class Context;
}  // namespace tls

/// TLS 1.3 over TCP: bytes both ways that nobody on the way can read or change, between ends that have shown each other
/// certificates. By OpenSSL, where the library was built with it. RFC 8446, tcp(7).
///
/// Not for: one host (UnixSocket knows who is there, and is several times as fast); hiding that, when and how much is
/// said. What hurts: a connection that was cut without a farewell is Errc::peer_died, never an end; what was changed on
/// the way is Errc::corrupt. A certificate that the listening end does not take is told to the connecting end by its
/// first recv() (Errc::denied), not by connect(): that is how TLS 1.3 is. No session is kept and none resumed; what is
/// read before the other end has shown who it is is 64 KiB at most. Whether a certificate was revoked is not asked.
/// Threads: one may send while another receives. After fork(): one of both only may go on, the other must not touch it.
class TlsSocket {
public:
    static constexpr Traits traits{.scheme = "tls",
                                   .name = "TLS",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .reach = Reach::network,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle,
                                   .duplex = true};

    /// Errc::not_found when nobody listens there, Errc::denied for a certificate that does not do.
    [[nodiscard]] static Result<TlsSocket> connect(const std::string& host, const std::string& port, const TlsOptions&,
                                                   Deadline = Deadline::never());
    TlsSocket(TlsSocket&&) noexcept;
    TlsSocket& operator=(TlsSocket&&) noexcept;
    /// Says farewell, if that can be done at once.
    ~TlsSocket();

    Result<> send(Bytes, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());
    Result<Bytes> recv_view(Deadline = Deadline::never());
    Result<> close_write();
    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;
    /// None: what is on the wire is for TLS alone.
    Channel::RawHandles raw_handles() const noexcept { return {}; }

private:
    friend class TlsListener;
    struct Impl;
    explicit TlsSocket(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> impl_;
};

/// Waits for connections, and hands out those that have shown who they are; 64 at a time may be about it, and one more
/// pushes out the oldest. accept() may be called by several threads.
class TlsListener {
public:
    [[nodiscard]] static Result<TlsListener> listen(const std::string& host, const std::string& port, TlsOptions);
    TlsListener(TlsListener&&) noexcept;
    TlsListener& operator=(TlsListener&&) noexcept;
    ~TlsListener();

    /// Those who fail at it are nobody's error.
    [[nodiscard]] Result<TlsSocket> accept(Deadline = Deadline::never());
    unsigned port() const noexcept;
    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;  ///< readable when accept() has something to do

private:
    struct Impl;
    explicit TlsListener(std::unique_ptr<Impl>);
    std::unique_ptr<Impl> impl_;
};

extern const Mechanism tls_mechanism;

static_assert(Sender<TlsSocket> && Viewer<TlsSocket> && HalfCloser<TlsSocket> && Pollable<TlsSocket>);

}  // namespace wye
