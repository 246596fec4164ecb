// From a URI to what carries it.
#include "wye/registry/open.hpp"

#include "wye/base/text.hpp"
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"

namespace wye::pattern {
namespace {

const carrier::Carrier* find(std::string_view scheme) noexcept {
    for (const auto* c : carrier::carriers())
        if (c->scheme == scheme) return c;
    return nullptr;
}

template <class Slot>
std::unexpected<Error> cannot(const Uri& uri, std::string_view role, Slot slot, const carrier::Carrier* found) {
    std::string able;
    for (const auto* c : carrier::carriers())
        if (c->*slot) able += (able.empty() ? "" : ", ") + std::string(c->scheme) + ":";
    std::string why = found ? std::string(found->why_not) : "carries no patterns";
    if (!found && !find_mechanism(uri.scheme())) why = "unknown scheme";
    return refuse(find_mechanism(uri.scheme()) || found ? Errc::unsupported : Errc::bad_address,
                  std::string(uri.text()) + ": no " + std::string(role) + " over " + std::string(uri.scheme()) + ": " +
                      why + "; these can: " + able);
}

template <class Made, class Options>
Result<Made> open(std::string_view text, std::string_view role,
                  Result<Made> (*carrier::Carrier::*slot)(const Uri&, const Options&, Deadline), const Options& how,
                  Deadline d) {
    WYE_TRY(const auto uri, Uri::parse(text));
    const auto* c = find(uri.scheme());
    if (!c || !(c->*slot)) return cannot(uri, role, slot, c);
    WYE_CHECK(uri.check(c->params, c->example, c->fragment));
    return (c->*slot)(uri, how, d);
}

}  // namespace

Result<std::unique_ptr<carrier::Publisher>> open_publisher(std::string_view uri, const PublishOptions& how,
                                                           Deadline d) {
    return open(uri, "publisher", &carrier::Carrier::publisher, how, d);
}
Result<std::unique_ptr<carrier::Subscriber>> open_subscriber(std::string_view uri, const SubscribeOptions& how,
                                                             Deadline d) {
    WYE_CHECK(check_filter(how.filter));
    return open(uri, "subscriber", &carrier::Carrier::subscriber, how, d);
}
Result<std::unique_ptr<carrier::Producer>> open_producer(std::string_view uri, const QueueOptions& how, Deadline d) {
    return open(uri, "producer", &carrier::Carrier::producer, how, d);
}
Result<std::unique_ptr<carrier::Worker>> open_worker(std::string_view uri, const QueueOptions& how, Deadline d) {
    return open(uri, "worker", &carrier::Carrier::worker, how, d);
}
Result<std::unique_ptr<carrier::Client>> open_client(std::string_view uri, const ServeOptions& how, Deadline d) {
    return open(uri, "client", &carrier::Carrier::client, how, d);
}
Result<std::unique_ptr<carrier::Server>> open_server(std::string_view uri, const ServeOptions& how, Deadline d) {
    return open(uri, "server", &carrier::Carrier::server, how, d);
}

}  // namespace wye::pattern
