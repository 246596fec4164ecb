#include "transport/nats/client/info.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/resolve.hpp"
#include "os/wait.hpp"
#include "transport/nats/client/json.hpp"

#include <charconv>

namespace wye::nats {
namespace {

constexpr std::size_t longest_greeting = 32 * 1024;

Version version_of(std::string_view s) {
    Version v;
    unsigned* parts[] = {&v.major, &v.minor, &v.patch};
    for (auto* p : parts) {
        const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), *p);
        if (error != std::errc()) break;
        s.remove_prefix(static_cast<std::size_t>(end - s.data()));
        if (!s.starts_with('.')) break;
        s.remove_prefix(1);
    }
    return v;
}

Result<std::string> first_line(int fd, Deadline d, const std::string& who) {
    std::string line;
    char room[4096];
    while (line.find('\n') == line.npos) {
        if (line.size() > longest_greeting ||
            !std::string_view("INFO ").starts_with(std::string_view(line).substr(0, 5)))
            return refuse(Errc::mismatch,
                          who + " is no NATS server: it begins with \"" + escape(line.substr(0, 40)) + "\"");
        WYE_CHECK(sys::wait_ready(fd, POLLIN, d));
        const long n = sys::read(fd, room, sizeof room);
        if (n == -EINTR || n == -EAGAIN) continue;
        if (n < 0) return sys::fail(n, "read", who);
        if (n == 0)
            return refuse(Errc::mismatch,
                          who + " closed the connection without a greeting; a NATS server begins with INFO");
        line.append(room, static_cast<std::size_t>(n));
    }
    line.resize(line.find('\n'));
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

Result<ServerInfo> ask_one(const sys::Address& a, Deadline d) {
    const auto who = sys::to_text(a);
    const long r = sys::socket(a.family(), SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (r < 0) return sys::fail(r, "socket");
    const Fd fd(static_cast<int>(r));
    WYE_CHECK(sys::connect(fd.get(), a, d, who));
    auto line = first_line(fd.get(), d, who);
    if (!line) {
        if (line.error().is(Errc::timed_out))
            return refuse(Errc::timed_out,
                          who + " accepted the connection and said nothing; a NATS server begins with INFO");
        return std::unexpected(std::move(line).error());
    }
    auto info = parse_info(*line);
    if (!info) return refuse(Errc::mismatch, who + " is no NATS server that we understand: " + info.error().message());
    return info;
}

}  // namespace

Result<ServerInfo> parse_info(std::string_view line) {
    if (!line.starts_with("INFO ")) return refuse(Errc::mismatch, "it does not begin with INFO");
    const Json j(line.substr(5));
    if (!j.is_object()) return refuse(Errc::mismatch, "its INFO is no JSON object");
    ServerInfo i;
    i.name = j.text("server_name");
    i.text = j.text("version");
    i.version = version_of(i.text);
    i.max_payload = j.number("max_payload");
    i.streams = j.flag("jetstream");
    i.headers = j.flag("headers");
    i.tls_required = j.flag("tls_required");
    i.tls_available = i.tls_required || j.flag("tls_available");
    i.auth_required = j.flag("auth_required");
    if (i.text.empty() || i.max_payload == 0)
        return refuse(Errc::mismatch, "its INFO has no version or no max_payload");
    return i;
}

std::vector<std::string> warnings_of(const Version& v) {
    std::vector<std::string> all;
    const auto before = [&](Version other) { return v < other; };
    if (v >= Version{2, 2, 0} && before({2, 9, 23}))
        all.emplace_back(
            "CVE-2023-47090: without `authorization` users, a configuration of accounts alone lets anybody in; fixed "
            "in 2.9.23");
    if (v >= Version{2, 2, 0} && (before({2, 10, 27}) || (v >= Version{2, 11, 0} && before({2, 11, 1}))))
        all.emplace_back(
            "CVE-2025-30215: who may publish to $JS.> can remove other accounts' streams: deny it, and keep to one "
            "trust domain; fixed in 2.10.27 and 2.11.1");
    if (v >= Version{2, 10, 20} && before({2, 10, 23}))
        all.emplace_back("a stream can be forgotten after kill -9 (nats-server issue 6888); fixed in 2.10.23");
    if (before({2, 10, 0}))
        all.emplace_back(
            "no sync_interval: what is acknowledged survives the death of processes, not the loss of power "
            "(Durability::power is refused)");
    if (before({2, 10, 0}))
        all.emplace_back(
            "replicas: a leader that is cut off hands jobs out by itself, so that they come again as new, and a server "
            "that was cut off may keep what no other has (docs/clusters.md)");
    if (before({2, 11, 16}) || (v >= Version{2, 12, 0} && before({2, 12, 7})))
        all.emplace_back(
            "CVE-2026-33222 and the advisories of 2026: no no_auth_user beside routes; fixed in 2.11.16 and 2.12.7");
    return all;
}

Result<ServerInfo> ask(const std::vector<HostPort>& servers, Deadline d) {
    Result<ServerInfo> last = wye::fail(Errc::not_found, "connect");
    for (const auto& s : servers) {
        const auto addresses = sys::resolve(s.host, s.port, SOCK_STREAM, false);
        if (!addresses) {
            last = std::unexpected(addresses.error());
            continue;
        }
        for (const auto& a : *addresses) {
            using namespace std::chrono_literals;
            // One that is silent does not keep the others from being asked.
            if (auto got = ask_one(a, d.sooner(2s)); got || d.passed())
                return got;
            else if (!last || !last.error().is(Errc::mismatch))
                last = std::move(got);
        }
    }
    return last;
}

}  // namespace wye::nats
