// What strangers may say beside a message, in an acknowledgement's subject, and as a server's greeting.
#include "pattern/nats_headers.hpp"
#include "transport/nats/client/ack.hpp"
#include "transport/nats/client/info.hpp"

#include <cstdlib>

using namespace wye;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto n = carrier::nats::Number::parse(text))
        if (!carrier::nats::Number::parse(n->text())) std::abort();
    if (const auto p = carrier::nats::Part::parse(text))
        if (const auto again = carrier::nats::Part::parse(p->text());
            !again || again->n != p->n || again->last != p->last)
            std::abort();
    if (const auto l = carrier::nats::Left::parse(text); l && l->left && l->left->count() < 0) std::abort();
    (void)carrier::nats::parse_error_kind(text);
    if (const auto a = nats::parse_ack(text); a && (a->stream.empty() || a->consumer.empty())) std::abort();
    if (const auto i = nats::parse_info(text); i && i->max_payload == 0) std::abort();
    return 0;
}
