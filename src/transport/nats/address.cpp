// What a nats: URI says, and what it may not say.
#include "wye/base/text.hpp"
#include "wye/transport/nats.hpp"

namespace wye {
namespace {

bool is_loopback(std::string_view host) {
    if (host.empty() || host == "localhost" || host == "::1") return true;
    return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
}

Result<std::vector<HostPort>> servers_of(const Uri& uri, std::string_view list, std::string_view example) {
    std::vector<HostPort> all;
    for (;;) {
        const auto comma = list.find(',');
        WYE_TRY(const auto one, Uri::parse("nats://" + std::string(list.substr(0, comma))));
        auto at = parse_host_port(one, example);
        if (!at || parse_number(at->port) == 0u)
            return uri.refuse("\"" + std::string(list.substr(0, comma)) + "\" is no HOST:PORT", example);
        if (at->host.empty()) at->host = "127.0.0.1";
        all.push_back(std::move(*at));
        if (comma == list.npos) return all;
        list.remove_prefix(comma + 1);
    }
}

Result<> check_credentials(const Uri& uri, const NatsOptions& o) {
    const int ways = !o.login.empty() + !o.creds.empty() + !o.nkey.empty();
    if (ways > 1) return uri.refuse("one of login, creds and nkey is enough");
    if (o.nkey.empty() != o.seed.empty())
        return uri.refuse("nkey and seed belong together", "nkey=UABC...&seed=/run/app/seed.nk");
    if (o.cert.empty() != o.key.empty())
        return uri.refuse("cert and key belong together", "tls&cert=me.pem&key=me.key");
    if (!o.tls && !(o.ca + o.cert).empty()) return uri.refuse("ca, cert and key are for TLS", "tls&ca=ca.pem");
    return {};
}

}  // namespace

Result<NatsAddress> parse_nats(const Uri& uri, std::string_view example) {
    auto rest = uri.address();
    if (!rest.starts_with("//")) return uri.refuse("the host must follow \"//\"", example);
    rest.remove_prefix(2);
    const auto slash = std::min(rest.find('/'), rest.size());
    const auto list = rest.substr(0, slash);
    if (list.find('@') != list.npos)
        // The text of the URI is not repeated: it has the secret in it.
        return refuse(Errc::bad_address,
                      "nats: no user and no password in a URI: ps, logs and histories show it; write them into a "
                      "file, chmod 600: nats://host:4222/subject?login=FILE");
    NatsAddress a;
    WYE_TRY(a.servers, servers_of(uri, list, example));
    if (slash < rest.size()) a.subject = rest.substr(slash + 1);
    auto& o = a.options;
    WYE_TRY(o.asap, uri.flag("asap"));
    WYE_TRY(o.tls, uri.flag("tls"));
    const std::pair<const char*, std::string*> texts[] = {{"ca", &o.ca},       {"cert", &o.cert},   {"key", &o.key},
                                                          {"login", &o.login}, {"creds", &o.creds}, {"nkey", &o.nkey},
                                                          {"seed", &o.seed}};
    for (const auto& [name, to] : texts)
        if (const auto v = uri.get(name)) {
            if (v->empty()) return uri.refuse(std::string(name) + " is empty", std::string(name) + "=FILE");
            *to = *v;
        }
    WYE_CHECK(check_credentials(uri, o));
    constexpr std::string_view choices[] = {"refuse", "allow"};
    WYE_TRY(const auto plain, uri.choice("plaintext", choices));
    o.plaintext = plain == 1;
    for (const auto& s : a.servers)
        if (!o.tls && !o.plaintext && !is_loopback(s.host))
            return refuse(Errc::denied,
                          "nats: " + s.host +
                              " is not this host, and everybody on the way would read and write along: add ?tls, or "
                              "?plaintext=allow where the network itself is trusted");
    return a;
}

}  // namespace wye
