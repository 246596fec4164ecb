#pragma once
#include "wye/core/engine.hpp"
#include "wye/core/mechanism.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace wye {

struct NatsOptions {
    bool tls = false;                 ///< TLS 1.2 or newer, the server's certificate checked against its host name
    std::string ca = {};              ///< PEM file of whom to believe; empty: the system's
    std::string cert = {}, key = {};  ///< PEM files with which this client proves who it is
    /// What the server is to know us by, one of them. The files are read at every connection; each must be this user's
    /// (or root's) and nobody else's to read: chmod 600.
    std::string login = {};            ///< a file with one line USER:PASSWORD
    std::string creds = {};            ///< a .creds file: a JWT and its nkey seed
    std::string nkey = {}, seed = {};  ///< a public nkey (U...), which is no secret, and the file of its seed
    /// Without TLS off this host: everybody on the way reads and writes along, passwords too.
    bool plaintext = false;
    /// A server that is silent for so long is given up, and another one of the cluster asked.
    std::chrono::milliseconds dead_after{6'000};
    /// Each message is written at once. Otherwise it waits up to a millisecond for others to go with it, as the client
    /// library has it: more of them a second, and each that much later.
    bool asap = false;
    bool own_echo = true;  ///< hear what one publishes oneself
};

/// What a nats: URI says: `nats://a:4222,b:4222/prices?tls&ca=ca.pem`.
struct NatsAddress {
    std::vector<HostPort> servers;
    std::string subject;  ///< may be empty
    NatsOptions options;
};
Result<NatsAddress> parse_nats(const Uri&, std::string_view example);

/// The parameters of every nats: URI that say how to connect.
inline constexpr Param nats_connection_params[] = {
    {"asap", "", "each message leaves at once, and not within a millisecond with others"},
    {"tls", "", "TLS, the server's certificate checked"},
    {"ca", "FILE", "whom to believe (PEM), instead of the system's"},
    {"cert", "FILE", "this client's certificate (PEM)"},
    {"key", "FILE", "and its key"},
    {"login", "FILE", "one line USER:PASSWORD, in a file that is chmod 600"},
    {"creds", "FILE", "a .creds file, chmod 600"},
    {"nkey", "KEY", "a public nkey (U...), with seed="},
    {"seed", "FILE", "its seed, chmod 600"},
    {"plaintext", "allow", "no TLS although it leaves this host"},
};
/// Those, and more of one's own behind them.
template <std::size_t N>
constexpr auto nats_params(const Param (&more)[N]) {
    std::array<Param, std::size(nats_connection_params) + N> all;
    std::ranges::copy(more, std::ranges::copy(nats_connection_params, all.begin()).out);
    return all;
}

/// A connection to a NATS server or cluster. https://docs.nats.io
///
/// Before anything else is said, the server's greeting is read and judged: what it is, which version, whether it keeps
/// streams; Engine::report() has that, and what is known against it. A server of the cluster that dies is replaced by
/// another of `servers`: subscriptions go on there, publishing waits. Without TLS only addresses of this host are
/// connected to, now and later, unless NatsOptions::plaintext.
///
/// What hurts. Core subjects keep nothing: who does not hear at that moment has missed it. What a stream acknowledged
/// survives the death of any process (Durability::process), and with `replicas` 3 that of a machine; not the loss of
/// power of all of them (Durability::power is refused with the reason). One server, or cluster, is one trust domain.
/// Three threads a connection, made by libnats. It sets SIGPIPE to be ignored in the whole process: that is undone
/// here, and the signal kept from the program. After fork(): this connection is the parent's alone (in the child every
/// call is Errc::unsupported); the child connects anew, for which a copy of libnats is loaded.
///
/// Errc::not_found: nobody listens there. Errc::mismatch: it is no NATS server. Errc::denied: credentials,
/// certificates, or a file of secrets that others can read. Errc::unsupported: built without NATS.
Result<std::unique_ptr<engine::Engine>> nats_connect(const std::vector<HostPort>& servers, const NatsOptions&,
                                                     Deadline = Deadline::never());

/// Whether this library was built with NATS. (Its client library is loaded by who connects.)
bool nats_built() noexcept;

struct NatsChannelOptions {
    std::string stream = {};   ///< a JetStream stream that keeps the subject
    std::string durable = {};  ///< reading from it: the server remembers under this name how far we came
};

/// One subject as a channel: what is sent reaches all who listen there at that moment, on any machine; other than a
/// socket it has no other end, so that nobody sees anybody come or go. With a `stream` nothing is missed: who reads
/// begins with the oldest that is kept, or where `durable` stopped, and what is read is settled by the next recv().
/// A message that does not fit into the place given to recv() stays.
class NatsChannel {
public:
    static constexpr Traits traits{.scheme = "nats",
                                   .name = "NATS",
                                   .timing = Timing::async,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .reach = Reach::network,
                                   .boundaries = Boundaries::message,
                                   .lifetime = Lifetime::handle,
                                   .lossless = false,
                                   .sees_close = false};

    [[nodiscard]] static Result<NatsChannel> open(const NatsAddress&, Mode, const NatsChannelOptions& = {},
                                                  Deadline = Deadline::never());

    Result<> send(Bytes, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());
    Result<Bytes> recv_view(Deadline = Deadline::never());
    /// What was sent has reached the server.
    Result<> finish(Deadline);
    std::size_t max_message() const noexcept { return engine_->max_message(); }
    int native_handle() const;

private:
    NatsChannel() = default;
    Result<> fetch(Deadline);
    std::unique_ptr<engine::Engine> engine_;
    std::unique_ptr<engine::Inbox> inbox_;
    std::unique_ptr<engine::Puller> puller_;
    std::optional<engine::Delivery> held_;
    bool seen_ = false;  // held_ was handed out
    std::string subject_;
    std::optional<engine::Stream> stream_;
    std::string mark_;  // of the ids of what is stored
    std::uint64_t count_ = 0;
};

extern const Mechanism nats_mechanism;

static_assert(Sender<NatsChannel> && Viewer<NatsChannel> && Pollable<NatsChannel>);

}  // namespace wye
