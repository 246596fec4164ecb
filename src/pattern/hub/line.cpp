#include "pattern/hub/line.hpp"

#include "wye/transport/tcp.hpp"
#include "wye/transport/unix.hpp"

#include "io/tcp_socket.hpp"
#include "os/errno.hpp"
#include "os/socket.hpp"
#include "os/wait.hpp"
#ifdef WYE_TLS
#include "transport/tls/session.hpp"
#endif

namespace wye::hub {

Error Line::error(long r) const { return Error(Errc::peer_died, "recv", {}, r < 0 ? static_cast<int>(-r) : 0); }

namespace {

template <class Socket>
class Plain : public Line {
public:
    explicit Plain(Socket s) : socket_(std::move(s)), fd_(socket_.native_handle()) {
        const timeval t{.tv_sec = 0, .tv_usec = patience.count() * 1000};
        (void)sys::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    }
    long read(MutBytes to, bool patient) noexcept override {
        return sys::recvfrom(fd_, to.data(), to.size(), patient ? 0 : MSG_DONTWAIT, nullptr, nullptr);
    }
    long write(const iovec* v, int n) noexcept override {
        if (n == 1) return sys::sendto(fd_, v->iov_base, v->iov_len, MSG_DONTWAIT, nullptr, 0);
        msghdr m{};
        m.msg_iov = const_cast<iovec*>(v);
        m.msg_iovlen = static_cast<std::size_t>(n);
        return sys::sendmsg(fd_, &m, MSG_DONTWAIT);
    }
    void end() noexcept override { (void)sys::shutdown(fd_, SHUT_RDWR); }
    int fd() const noexcept override { return fd_; }

private:
    Socket socket_;
    int fd_;
};

template <class Listener>
class PlainDoor : public Door {
public:
    explicit PlainDoor(Listener l) : listener_(std::move(l)) {}
    Result<std::unique_ptr<Line>> accept() override {
        WYE_TRY(auto s, listener_.accept(Deadline::now()));
        return std::make_unique<Plain<decltype(s)>>(std::move(s));
    }
    int fd() const noexcept override { return listener_.native_handle(); }

private:
    Listener listener_;
};

constexpr std::string_view tcp_example = "tcp://127.0.0.1:7000";

#ifdef WYE_TLS
// The hands are shaken by its first reads and writes.
class Tls : public Line {
public:
    Tls(Fd fd, std::unique_ptr<tls::Session> s) : fd_(std::move(fd)), session_(std::move(s)) {}
    long read(MutBytes to, bool) noexcept override { return session_->read(to); }
    // A record that was begun goes on with the very same bytes, whatever its sender would say now: it is kept.
    long write(const iovec* v, int n) noexcept override {
        while (!begun_.empty()) {
            const long r = session_->write(begun_);
            if (r < 0) return r;
            begun_.erase(begun_.begin(), begun_.begin() + r);
        }
        long all = 0;
        for (int i = 0; i < n; ++i) {
            Bytes left(static_cast<const std::byte*>(v[i].iov_base), v[i].iov_len);
            while (!left.empty()) {
                const auto record = left.first(std::min(left.size(), largest_record));
                const long r = session_->write(record);
                if (r == -EAGAIN) {
                    begun_.assign(record.begin(), record.end());
                    return all + static_cast<long>(record.size());
                }
                if (r < 0) return all > 0 ? all : r;
                all += r;
                left = left.subspan(static_cast<std::size_t>(r));
            }
        }
        return all;
    }
    bool owes() const noexcept override { return !begun_.empty(); }
    bool holds() const noexcept override { return session_->holds(); }
    void end() noexcept override {
        session_->close();
        (void)sys::shutdown(fd_.get(), SHUT_RDWR);
    }
    int fd() const noexcept override { return fd_.get(); }
    Error error(long r) const override { return session_->error(r); }

    static Result<std::unique_ptr<Line>> connect(const Uri& uri, Deadline d) {
        WYE_TRY(const auto at, parse_host_port(uri, tls::example));
        WYE_CHECK(tls::check_identity(uri, tls::example));
        const auto who = tls::identity_of(uri);
        WYE_TRY(const auto context, tls::Context::make(who, false));
        WYE_TRY(auto fd, tcp_connect(at.host, at.port, {}, d));
        WYE_TRY(auto session, tls::Session::make(context, fd.get(), tls::name_of(who, at.host)));
        for (;;) {
            const long r = session->handshake();
            if (r == 0) return std::make_unique<Tls>(std::move(fd), std::move(session));
            if (r != -EAGAIN) return std::unexpected(session->error(r));
            auto ready = sys::wait_ready(fd.get(), session->wants(), d);
            if (!ready) return std::unexpected(ready.error());
        }
    }

private:
    static constexpr std::size_t largest_record = 16384;
    Fd fd_;
    std::unique_ptr<tls::Session> session_;
    std::vector<std::byte> begun_{};
};

class TlsDoor : public Door {
public:
    static Result<std::unique_ptr<Door>> open(const Uri& uri) {
        WYE_TRY(const auto at, parse_host_port(uri, tls::example));
        WYE_CHECK(tls::check_identity(uri, tls::example));
        auto door = std::make_unique<TlsDoor>();
        door->who_ = tls::identity_of(uri);
        WYE_TRY(door->context_, tls::Context::make(door->who_, true));
        WYE_TRY(door->at_, tcp_listen(at.host, at.port, {}));
        return door;
    }
    Result<std::unique_ptr<Line>> accept() override {
        WYE_TRY(auto fd, tcp_accept(at_.fd.get(), {}, Deadline::now()));
        WYE_TRY(auto session, tls::Session::make(context_, fd.get(), who_.name));
        return std::make_unique<Tls>(std::move(fd), std::move(session));
    }
    int fd() const noexcept override { return at_.fd.get(); }

private:
    TlsIdentity who_;
    std::shared_ptr<tls::Context> context_;
    TcpBound at_{};
};
#endif

}  // namespace

Result<std::unique_ptr<Line>> connect(const Uri& uri, Deadline d) {
    if (uri.scheme() == "unix") {
        WYE_TRY(auto s, UnixSocket::connect(std::string(uri.address()), {}, d));
        return std::make_unique<Plain<UnixSocket>>(std::move(s));
    }
#ifdef WYE_TLS
    if (uri.scheme() == "tls") return Tls::connect(uri, d);
#endif
    WYE_TRY(const auto at, parse_host_port(uri, tcp_example));
    WYE_CHECK(check_plaintext(uri, at, false));
    WYE_TRY(auto s, TcpSocket::connect(at.host, at.port, {}, d));
    return std::make_unique<Plain<TcpSocket>>(std::move(s));
}

Result<std::unique_ptr<Door>> listen(const Uri& uri, Create create, unsigned permissions) {
    if (uri.scheme() == "unix") {
        WYE_TRY(auto l,
                UnixListener::listen(std::string(uri.address()), {.create = create, .permissions = permissions}));
        return std::make_unique<PlainDoor<UnixListener>>(std::move(l));
    }
#ifdef WYE_TLS
    if (uri.scheme() == "tls") return TlsDoor::open(uri);
#endif
    WYE_TRY(const auto at, parse_host_port(uri, tcp_example));
    WYE_CHECK(check_plaintext(uri, at, true));
    WYE_TRY(auto l, TcpListener::listen(at.host, at.port));
    return std::make_unique<PlainDoor<TcpListener>>(std::move(l));
}

}  // namespace wye::hub
