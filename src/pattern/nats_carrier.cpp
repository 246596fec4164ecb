// NATS as a carrier of patterns: its table, and what the six roles share.
#include "wye/pattern/topic.hpp"

#include "pattern/nats.hpp"

namespace wye::carrier {
namespace nats {

Result<Place> connect(const Uri& uri, Deadline d, bool asap) {
    WYE_TRY(auto at, parse_nats(uri, example));
    at.options.asap = at.options.asap || asap;
    if (at.subject.empty()) return uri.refuse("no subject behind the server", example);
    WYE_CHECK(check_topic(at.subject));
    Place p{
        .engine = nullptr, .subject = at.subject, .stream = std::string(uri.get("stream").value_or("")), .replicas = 0};
    if (p.stream.find_first_of(". \t*>/\\") != p.stream.npos)
        return uri.refuse("a stream's name is one word, without . * > / \\", "stream=ORDERS");
    WYE_TRY(const auto replicas, uri.number("replicas", 0));
    if (replicas > 5) return uri.refuse("5 replicas are the most", "replicas=3");
    p.replicas = static_cast<unsigned>(replicas);
    WYE_TRY(p.engine, nats_connect(at.servers, at.options, d));
    return p;
}

std::size_t room(const engine::Engine& e, std::size_t wanted) noexcept {
    const auto most = e.max_message() > room_for_headers ? e.max_message() - room_for_headers : 0;
    return wanted == 0 ? most : std::min(wanted, most);
}

Result<> fits(Bytes b, std::size_t most) {
    if (b.size() <= most) return {};
    return refuse(Errc::too_big, "nats: " + std::to_string(b.size()) + " bytes; " + std::to_string(most) +
                                     " is the most here (max_message, and the server's max_payload)");
}

Result<std::string> message_id(std::string_view given, const std::string& made) {
    if (given.empty()) return made;
    if (given.size() > 128 || given.find_first_of(std::string_view("\r\n\0", 3)) != given.npos)
        return refuse(Errc::bad_address, "nats: an id is one line of 128 bytes at most");
    return std::string(given);
}

namespace {

constexpr Param own[] = {
    {"stream", "NAME",
     "the JetStream stream that keeps what is published (by default wye_SUBJECT where one is needed)"},
    {"replicas", "N", "servers that keep it: 1, 3 or 5"},
};
constexpr auto params = nats_params(own);

}  // namespace
}  // namespace nats

const Carrier& nats_carrier() {
    static constexpr Carrier table{
        .scheme = "nats",
        .example = nats::example,
        .params = nats::params,
        .able = {.many_publishers = true,
                 .history = true,
                 .redelivers = true,
                 .dead_letters = true,
                 .many_servers = true,
                 .sees_no_server = true,
                 .streams = true,
                 .reaches_network = true,
                 .most = Durability::process},
        .publisher = nats::publisher,
        .subscriber = nats::subscriber,
        .producer = nats::producer,
        .worker = nats::worker,
        .client = nats::client,
        .server = nats::server,
    };
    return table;
}

}  // namespace wye::carrier
