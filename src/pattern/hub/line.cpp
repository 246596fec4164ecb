#include "pattern/hub/line.hpp"

#include "wye/transport/tcp.hpp"
#include "wye/transport/unix.hpp"

#include "os/socket.hpp"

namespace wye::hub {
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

}  // namespace

Result<std::unique_ptr<Line>> connect(const Uri& uri, Deadline d) {
    if (uri.scheme() == "unix") {
        WYE_TRY(auto s, UnixSocket::connect(std::string(uri.address()), {}, d));
        return std::make_unique<Plain<UnixSocket>>(std::move(s));
    }
    WYE_TRY(const auto at, parse_host_port(uri, tcp_example));
    WYE_TRY(auto s, TcpSocket::connect(at.host, at.port, {}, d));
    return std::make_unique<Plain<TcpSocket>>(std::move(s));
}

Result<std::unique_ptr<Door>> listen(const Uri& uri, Create create, unsigned permissions) {
    if (uri.scheme() == "unix") {
        WYE_TRY(auto l,
                UnixListener::listen(std::string(uri.address()), {.create = create, .permissions = permissions}));
        return std::make_unique<PlainDoor<UnixListener>>(std::move(l));
    }
    WYE_TRY(const auto at, parse_host_port(uri, tcp_example));
    WYE_TRY(auto l, TcpListener::listen(at.host, at.port));
    return std::make_unique<PlainDoor<TcpListener>>(std::move(l));
}

}  // namespace wye::hub
