// One TLS connection over a socket that it does not own. Never waits: answers -EAGAIN, and says what for.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/core/uri.hpp"
#include "wye/transport/tls.hpp"

#include "os/syscall.hpp"

#include <memory>
#include <mutex>
#include <string>

struct ssl_st;
struct ssl_ctx_st;

namespace wye::tls {

/// What all connections of one end have: the certificates, and the rules.
class Context {
public:
    static Result<std::shared_ptr<Context>> make(const TlsIdentity&, bool listens);
    ~Context();
    Context(const Context&) = delete;
    ssl_ctx_st* get() const noexcept { return ctx_; }
    bool listens() const noexcept { return listens_; }

private:
    Context(ssl_ctx_st* c, bool listens) : ctx_(c), listens_(listens) {}
    ssl_ctx_st* ctx_;
    bool listens_;
};

class Session {
public:
    /// `name`: whom the other's certificate must be for; empty: whoever has one.
    static Result<std::unique_ptr<Session>> make(std::shared_ptr<Context>, int fd, const std::string& name);
    ~Session();
    Session(const Session&) = delete;

    /// 0 when both have shown who they are; -EAGAIN; -EACCES for a certificate that does not do; else another -errno.
    long handshake() noexcept;
    /// A count, 0 at the farewell, -EAGAIN, -EBADMSG for what was changed on the way, -ECONNRESET for an end without
    /// farewell, -EACCES when the other end does not take our certificate. Shakes hands first.
    long read(MutBytes) noexcept;
    long write(Bytes) noexcept;
    /// Says farewell. Nothing can be written any more.
    void close() noexcept;
    /// POLLIN or POLLOUT: what the last -EAGAIN of writing, or of shaking hands, waits for.
    short wants() const noexcept { return wants_; }
    bool holds() const noexcept;
    /// What a negative answer means.
    Error error(long answer) const;
    int fd() const noexcept { return fd_; }

private:
    Session(std::shared_ptr<Context> c, ssl_st* s, int fd) : context_(std::move(c)), ssl_(s), fd_(fd) {}
    long outcome(int r) noexcept;
    long shake() noexcept;
    struct Wire;

    std::shared_ptr<Context> context_;
    ssl_st* ssl_;
    int fd_;
    std::size_t before_ = 0;  // bytes read before the other end has shown who it is
    bool shaken_ = false, closed_ = false;
    short wants_ = 0;
    std::string why_;
    mutable std::mutex mutex_;  // OpenSSL has one state for both ways
};

TlsIdentity identity_of(const Uri&);
/// Refuses a URI that lacks one of the files.
Result<> check_identity(const Uri&, std::string_view example);
inline constexpr std::string_view example = "tls://127.0.0.1:7000?ca=ca.pem&cert=me.pem&key=me.key";

/// Whom a connecting end expects.
inline std::string name_of(const TlsIdentity& who, const std::string& host) {
    return who.name.empty() ? (host.empty() ? "localhost" : host) : who.name;
}

}  // namespace wye::tls
