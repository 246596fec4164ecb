#include "process/nats_server/configuration.hpp"

#include <random>

namespace wye::nats_server {
namespace {

// In double quotes, with what would end them escaped.
std::string quoted(const std::string& s) {
    std::string out = "\"";
    for (const char c : s) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "\"";
}

std::string line(const char* name, const std::string& value) { return std::string(name) + ": " + value + "\n"; }

// One server, or cluster, is one trust domain; these would let one of its users take the others' streams away, or hear
// of their business.
constexpr const char* denied =
    R"(["$SYS.>", "$JS.API.ACCOUNT.PURGE.>", "$JS.API.SERVER.REMOVE", "$JS.API.ACCOUNT.STREAM.MOVE.>", "$JS.API.ACCOUNT.STREAM.CANCEL_MOVE.>", "$JS.API.META.>"])";

std::string users(const std::string& password) {
    return "authorization {\n  timeout: 2\n  users: [\n    {user: app, password: " + quoted(password) +
           ", permissions: {publish: {deny: " + denied + "}, subscribe: {deny: [\"$SYS.>\"]}}}\n  ]\n}\n";
}

std::string cluster(const NatsServerOptions& o) {
    std::string s = "cluster {\n  name: " + quoted(o.cluster) +
                    "\n  listen: " + quoted(o.host + ":" + std::to_string(o.cluster_port)) +
                    "\n  authorization {user: route, password: " + quoted(o.route_secret) +
                    ", timeout: 2}\n  routes: [\n";
    const auto own = o.host + ":" + std::to_string(o.cluster_port);
    for (const auto& there : o.routes)
        if (there != own) s += "    " + quoted("nats-route://route:" + o.route_secret + "@" + there) + "\n";
    return s + "  ]\n}\n";
}

}  // namespace

std::string new_secret() {
    std::random_device random;
    std::string s;
    for (int i = 0; i < 4; ++i) {
        constexpr char digits[] = "0123456789abcdef";
        for (auto [word, n] = std::pair(random(), 0); n < 8; ++n, word >>= 4) s += digits[word & 15];
    }
    return s;
}

std::string configuration(const NatsServerOptions& o, const std::string& password) {
    std::string s = "# Written by wye; it is written anew when the server is started.\n";
    s += line("server_name", quoted(o.name));
    s += line("listen", quoted(o.host + ":" + std::to_string(o.port)));
    s += line("log_file", quoted(o.directory + "/log"));
    s += line("max_payload", std::to_string(o.max_payload));
    s += line("ping_interval", "\"5s\"");
    if (o.streams)
        s += "jetstream {\n  store_dir: " + quoted(o.directory + "/store") +
             "\n  max_mem: " + std::to_string(o.max_memory) + "\n  max_file: " + std::to_string(o.max_storage) +
             "\n}\n";
    if (o.login) s += users(password);
    if (!o.tls_cert.empty())
        s += "tls {\n  cert_file: " + quoted(o.tls_cert) + "\n  key_file: " + quoted(o.tls_key) + "\n" +
             (o.tls_ca.empty() ? "" : "  ca_file: " + quoted(o.tls_ca) + "\n  verify: true\n") + "}\n";
    if (o.cluster_port) s += cluster(o);
    for (const auto& more : o.more) s += more + "\n";
    return s;
}

}  // namespace wye::nats_server
