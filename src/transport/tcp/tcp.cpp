// TCP: bytes both ways, also between hosts.
#include "wye/transport/tcp.hpp"

#include "wye/base/text.hpp"

#include "io/first_peer.hpp"
#include "io/tcp_socket.hpp"
#include "os/resolve.hpp"

namespace wye {
namespace {

TcpSetUp set_up(const TcpOptions& o) { return {o.nodelay, o.dead_after, o.ipv6_only}; }

}  // namespace

Result<> TcpSocket::send(Bytes b, Deadline d) { return tcp_settled(stream_.send(b, d)); }

Result<MutBytes> TcpSocket::recv(MutBytes into, Deadline d) { return tcp_settled(stream_.recv(into, d)); }

Result<Bytes> TcpSocket::recv_view(Deadline d) { return tcp_settled(stream_.recv_view(d)); }

Result<TcpSocket> TcpSocket::connect(const std::string& host, const std::string& port, TcpOptions o,
                                     Deadline deadline) {
    WYE_TRY(auto fd, tcp_connect(host, port, set_up(o), deadline));
    return TcpSocket(std::move(fd), o.stream);
}

Result<TcpListener> TcpListener::listen(const std::string& host, const std::string& port, TcpOptions o) {
    WYE_TRY(auto bound, tcp_listen(host, port, set_up(o)));
    return TcpListener(std::move(bound.fd), o, bound.port);
}

Result<TcpSocket> TcpListener::accept(Deadline d) {
    WYE_TRY(auto fd, tcp_accept(fd_.get(), set_up(options_), d));
    return TcpSocket(std::move(fd), options_.stream);
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "tcp://127.0.0.1:7000";
constexpr Param params[] = {{"listen", "", "wait there for a peer"}, plaintext_param, framing_param, max_param};

Result<Channel> open(const Uri& uri, const OpenOptions&, Deadline deadline) {
    WYE_TRY(const auto at, parse_host_port(uri, example));
    WYE_TRY(const bool listens, uri.flag("listen"));
    WYE_CHECK(check_plaintext(uri, at, listens));
    TcpOptions o;
    WYE_TRY(o.stream, stream_options(uri));
    if (listens) {
        WYE_TRY(auto l, TcpListener::listen(at.host, at.port, o));
        return Channel(FirstPeer<TcpListener, TcpSocket>(std::move(l)));
    }
    if (parse_number(at.port) == 0u) return uri.refuse("port 0 is for listening", example);
    WYE_TRY(auto s, TcpSocket::connect(at.host, at.port, o, deadline));
    return Channel(std::move(s));
}

std::vector<std::string> scratch(const std::string&) {
    std::vector<std::string> all;
    if (const auto p = sys::free_port("127.0.0.1", SOCK_STREAM)) all.push_back("tcp://127.0.0.1:" + std::to_string(p));
    if (const auto p = sys::free_port("::1", SOCK_STREAM)) all.push_back("tcp://[::1]:" + std::to_string(p));
    return all;
}

}  // namespace

void see_tcp(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism tcp_mechanism{
    .traits = TcpSocket::traits,
    .summary = "bytes both ways, also between hosts",
    .example = example,
    .params = params,
    .open = open,
    .see = see_tcp,
    .scratch = scratch,
};

}  // namespace wye
