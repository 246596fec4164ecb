#pragma once
#include "wye/core/durability.hpp"
#include "wye/core/endpoint.hpp"

#include <chrono>
#include <string>

namespace wye {

/// What becomes of a subscriber that is slower than the publisher. Each subscriber says it for itself.
enum class Slow : std::uint8_t {
    drop_oldest,  ///< it loses the oldest, and is told how many
    latest,       ///< it wants the newest only
    block,        ///< the publisher waits for it
    demote,       ///< the publisher waits SubscribeOptions::patience for it, and from then on it is drop_oldest
};

struct PublishOptions {
    Create create = Create::if_missing;
    unsigned permissions = 0600;
    std::size_t depth = 0;        ///< bytes kept for subscribers, and for those to come; 0: the carrier's own
    std::size_t max_message = 0;  ///< 0: the carrier's own
    unsigned subscribers = 0;     ///< the first publish() waits until so many are there
    Durability durability = Durability::none;
};

struct SubscribeOptions {
    std::string filter = ">";  ///< `prices.*.eur`, `prices.>`: see matches()
    Slow slow = Slow::drop_oldest;
    std::chrono::milliseconds patience{100};  ///< of Slow::demote
    std::uint64_t history = 0;                ///< begin so many messages back, as far as they are kept
    Create create = Create::if_missing;
    std::size_t max_message = 0;
    std::string name;  ///< nats: a durable subscription: whoever subscribes by this name goes on where it was
};

struct QueueOptions {
    Create create = Create::if_missing;
    unsigned permissions = 0600;
    std::size_t depth = 0;  ///< bytes of jobs that wait, then put() waits; 0: the carrier's own
    std::size_t max_message = 0;
    unsigned most_deliveries = 5;  ///< then it is a dead letter; 0: never
    bool at_most_once = false;     ///< take what a carrier without leases gives: a worker that dies loses its job
    std::chrono::milliseconds lease{
        30'000};  ///< nats: a job not done, extended or given back for so long goes to another
    Durability durability = Durability::none;
};

struct ServeOptions {
    Create create = Create::if_missing;
    unsigned permissions = 0600;
    std::size_t max_message = 0;
};

struct CallOptions {
    /// It may be done twice without harm: then it is asked again of another server when the first one died over it.
    bool idempotent = false;
};

}  // namespace wye
