// What a stream tells of a message, in the subject that an acknowledgement goes to.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace wye::nats {

struct AckSubject {
    std::string_view stream, consumer;
    std::uint64_t deliveries = 0, sequence = 0, consumer_sequence = 0, pending = 0;
};
/// `$JS.ACK.STREAM.CONSUMER.DELIVERIES.SEQUENCE.CONSUMER-SEQUENCE.TIME.PENDING`, or the longer form of newer servers
/// with a domain and an account behind ACK; nullopt for anything else.
std::optional<AckSubject> parse_ack(std::string_view) noexcept;

}  // namespace wye::nats
