// What the patterns over NATS share.
#pragma once
#include "wye/pattern/carrier.hpp"
#include "wye/transport/nats.hpp"

#include <string>

namespace wye::carrier {
const Carrier& nats_carrier();
}  // namespace wye::carrier

namespace wye::carrier::nats {

inline constexpr std::string_view example = "nats://127.0.0.1:4222/prices";
inline constexpr std::size_t room_for_headers = 512;

/// Connected, with the words behind the server, which may not be none.
struct Place {
    std::unique_ptr<engine::Engine> engine;
    std::string subject;
    std::string stream;  ///< `?stream=`, or empty
    unsigned replicas = 0;
};
Result<Place> connect(const Uri&, Deadline, bool asap = false);

/// The most a message may have, with what we say beside it.
std::size_t room(const engine::Engine&, std::size_t wanted) noexcept;
Result<> fits(Bytes, std::size_t most);
/// `given` where it is one that a server takes as an id, else `made`.
Result<std::string> message_id(std::string_view given, const std::string& made);

Result<std::unique_ptr<Publisher>> publisher(const Uri&, const PublishOptions&, Deadline);
Result<std::unique_ptr<Subscriber>> subscriber(const Uri&, const SubscribeOptions&, Deadline);
Result<std::unique_ptr<Producer>> producer(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<Worker>> worker(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<Client>> client(const Uri&, const ServeOptions&, Deadline);
Result<std::unique_ptr<Server>> server(const Uri&, const ServeOptions&, Deadline);

}  // namespace wye::carrier::nats
