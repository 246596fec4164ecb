// What the patterns over rings have in common: the URI.
#pragma once
#include "wye/pattern/carrier.hpp"
#include "wye/transport/shm_ring.hpp"

#include <array>
#include <bit>

namespace wye::carrier {

inline constexpr Param shm_params[] = {
    {"bytes", "SIZE", "of the ring when it is made, a power of two"},
    {"participants", "N", "at once, when it is made"},
    {"lanes", "N", "producers at once, when a queue is made (default 8)"},
    {"spin", "", "waits without sleeping: takes a processor"},
};

/// `depth` and `max`: 0 where the options ask for none.
inline Result<ShmOptions> shm_options(const Uri& uri, ring::Shape shape, Create create, std::size_t depth,
                                      std::size_t max_message) {
    // Whoever comes first makes it: there is no server to be started before.
    ShmOptions o{.create = create, .waits_on = true};
    o.made.shape = shape;
    WYE_TRY(o.made.bytes, uri.size("bytes", depth == 0 ? 0 : std::bit_ceil(std::max<std::size_t>(depth, 4096))));
    WYE_TRY(const auto participants, uri.number("participants", 0));
    WYE_TRY(const auto lanes, uri.number("lanes", o.made.lanes));
    if (participants > 4096 || lanes > 64)
        return uri.refuse("participants are up to 4096, lanes up to 64", "shm:jobs?participants=64&lanes=8");
    if (uri.has("lanes") && shape != ring::Shape::queue)
        return uri.refuse("lanes are a queue's", "shm:prices?participants=64");
    o.made.participants = static_cast<unsigned>(participants);
    o.made.lanes = static_cast<unsigned>(lanes);
    WYE_TRY(o.spin, uri.flag("spin"));
    if (max_message != 0) o.max_message = max_message;
    return o;
}

Result<std::unique_ptr<Publisher>> open_shm_publisher(const Uri&, const PublishOptions&, Deadline);
Result<std::unique_ptr<Subscriber>> open_shm_subscriber(const Uri&, const SubscribeOptions&, Deadline);
Result<std::unique_ptr<Producer>> open_shm_producer(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<Worker>> open_shm_worker(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<Client>> open_shm_client(const Uri&, const ServeOptions&, Deadline);
Result<std::unique_ptr<Server>> open_shm_server(const Uri&, const ServeOptions&, Deadline);

}  // namespace wye::carrier
