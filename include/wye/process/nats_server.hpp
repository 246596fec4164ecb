#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include <memory>
#include <string>
#include <vector>

namespace wye {

struct NatsServerOptions {
    std::string name = "wye";
    std::string host = "127.0.0.1";
    unsigned port = 0;           ///< 0: a free one; never 4222, where the machine's own server may be
    std::string directory = {};  ///< where its store, secrets and log lie; empty: a temporary one, gone with it
    bool streams = true;
    std::uint64_t max_memory = 64 << 20, max_storage = std::uint64_t{1} << 30;
    std::size_t max_payload = 1 << 20;
    bool login = true;  ///< clients must say who they are; the server makes up the password, see login_file()
    std::string tls_cert = {}, tls_key = {}, tls_ca = {};  ///< with a ca, clients must have a certificate of it
    std::vector<std::string> more = {};                    ///< lines of its configuration, as they are
    // Of a cluster (NatsCluster fills them in).
    std::string cluster = {}, route_secret = {}, password = {};
    unsigned cluster_port = 0;
    std::vector<std::string> routes = {};  ///< "10.0.0.2:6222": where the others are; its own among them is left out
};

/// A nats-server of our own, for a program that brings its engine along, for tests, and to try things out.
///
/// Its configuration is ours: it listens on one address only, keeps its store where it is told, within limits, lets in
/// who knows a password of 128 random bits that lies in a file (0600), and nobody may purge an account or move its
/// streams. It is one trust domain. Secrets and store lie in a directory that is 0700.
///
/// It dies with the thread that started it (PR_SET_PDEATHSIG, where setpriv(1) is): start it from one that stays.
/// Dropped, it is killed, and the temporary directory removed. A copy made by fork() does nothing. Not for production
/// where systemd should keep it: give that one `configuration()`. Errc::not_found without nats-server.
class NatsServer {
public:
    [[nodiscard]] static Result<NatsServer> start(const NatsServerOptions&, Deadline = std::chrono::seconds(10));
    static bool available() noexcept;
    NatsServer(NatsServer&&) noexcept;
    NatsServer& operator=(NatsServer&&) noexcept;
    ~NatsServer();

    unsigned port() const noexcept;
    std::string address() const;  ///< "127.0.0.1:34567"
    /// `nats://127.0.0.1:34567/SUBJECT?login=FILE`: everything a client needs.
    std::string uri(const std::string& subject) const;
    std::string login_file() const;  ///< empty without login
    std::string directory() const;
    std::string configuration() const;
    int pid() const noexcept;
    bool running() const noexcept;

    Result<> stop(Deadline = std::chrono::seconds(10));     ///< SIGTERM, and its end
    Result<> kill();                                        ///< SIGKILL, and its end
    Result<> pause();                                       ///< SIGSTOP, and it stands
    Result<> resume();                                      ///< SIGCONT
    Result<> restart(Deadline = std::chrono::seconds(10));  ///< on the same port, with the same store

private:
    friend class NatsCluster;
    struct State;
    explicit NatsServer(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

/// Some of them on this host that keep each other's streams (`?replicas=3`). They know each other by a secret of their
/// own. What it shows is what happens when processes die; a machine that dies takes all of them.
class NatsCluster {
public:
    [[nodiscard]] static Result<NatsCluster> start(unsigned servers, const NatsServerOptions& = {},
                                                   Deadline = std::chrono::seconds(20));
    std::size_t size() const noexcept { return servers_.size(); }
    NatsServer& operator[](std::size_t i) noexcept { return servers_[i]; }
    const NatsServer& operator[](std::size_t i) const noexcept { return servers_[i]; }
    /// All of them, so that a client finds another when one dies.
    std::string uri(const std::string& subject) const;

private:
    std::vector<NatsServer> servers_;
};

}  // namespace wye
