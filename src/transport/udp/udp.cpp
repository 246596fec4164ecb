// UDP: datagrams, also between hosts.
#include "wye/transport/udp.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/resolve.hpp"

namespace wye {
namespace {

constexpr std::size_t most_v4 = 65507;  // 65,535 less the headers of IP and UDP
constexpr std::size_t most_v6 = 65527;  // IPv6 does not count its own header

struct Made {
    Fd fd;
    int family = 0;
    unsigned port = 0;
};

Result<Made> make_at(const sys::Address& a, bool listens, bool every) {
    const long r = sys::socket(a.family(), SOCK_DGRAM, 0);
    if (r < 0) return sys::fail(r, "socket");
    Made made{.fd = Fd(static_cast<int>(r)), .family = a.family()};
    const int fd = made.fd.get();
    if (a.family() == AF_INET6) (void)sys::set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !every);
    const long done = listens ? sys::bind(fd, a.get(), a.size) : sys::connect(fd, a.get(), a.size);
    const char* op = listens ? "bind" : "connect";
    // This machine has no such address.
    if (done == -EADDRNOTAVAIL) return fail(Errc::not_found, op, sys::to_text(a));
    if (done < 0) return sys::fail(done, op, sys::to_text(a));
    const long port = sys::local_port(fd);
    if (port < 0) return sys::fail(port, "getsockname");
    made.port = static_cast<unsigned>(port);
    return made;
}

Result<Made> make_first(const std::string& host, const std::string& port, bool listens) {
    WYE_TRY(const auto addresses, sys::resolve(host, port, SOCK_DGRAM, listens));
    const bool every = listens && host.empty();
    Result<Made> last = fail(Errc::not_found, "connect", host);
    for (const auto& a : addresses) {
        last = make_at(a, listens, every);
        if (last || !(last.error().is(Errc::not_found) || last.error().is(Errc::unsupported))) break;
    }
    return last;
}

PacketSocket packets(Made& m, bool answers) {
    // Where a socket of IPv6 answers over IPv4, the kernel itself refuses the few bytes more.
    const auto most = m.family == AF_INET6 ? most_v6 : most_v4;
    return PacketSocket(std::move(m.fd), {.max_message = most, .largest = most, .answers = answers});
}

}  // namespace

Result<UdpSocket> UdpSocket::connect(const std::string& host, const std::string& port) {
    WYE_TRY(auto made, make_first(host, port, false));
    return UdpSocket(packets(made, false), made.port);
}

Result<UdpSocket> UdpSocket::bind(const std::string& host, const std::string& port) {
    WYE_TRY(auto made, make_first(host, port, true));
    return UdpSocket(packets(made, true), made.port);
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "udp://127.0.0.1:7000";
constexpr Param params[] = {{"listen", "", "hear everybody there, and answer to whoever wrote last"}};

Result<Channel> open(const Uri& uri, const OpenOptions&, Deadline) {
    WYE_TRY(const auto at, parse_host_port(uri, example));
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (!listens && parse_number(at.port) == 0u) return uri.refuse("port 0 is for listening", example);
    WYE_TRY(auto s, listens ? UdpSocket::bind(at.host, at.port) : UdpSocket::connect(at.host, at.port));
    return Channel(std::move(s));
}

std::vector<std::string> scratch(const std::string&) {
    std::vector<std::string> all;
    if (const auto p = sys::free_port("127.0.0.1", SOCK_DGRAM)) all.push_back("udp://127.0.0.1:" + std::to_string(p));
    if (const auto p = sys::free_port("::1", SOCK_DGRAM)) all.push_back("udp://[::1]:" + std::to_string(p));
    return all;
}

}  // namespace

void see_udp(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism udp_mechanism{
    .traits = UdpSocket::traits,
    .summary = "datagrams, also between hosts; some may be lost",
    .example = example,
    .params = params,
    .open = open,
    .see = see_udp,
    .scratch = scratch,
};

}  // namespace wye
