// The ends of each pattern over sockets, whichever side listens. `listen` in the URI says which it is.
#pragma once
#include "wye/pattern/carrier.hpp"

namespace wye::hub {

Result<std::unique_ptr<carrier::Publisher>> publisher(const Uri&, const PublishOptions&, Deadline);
Result<std::unique_ptr<carrier::Subscriber>> subscriber(const Uri&, const SubscribeOptions&, Deadline);
Result<std::unique_ptr<carrier::Producer>> producer(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<carrier::Worker>> worker(const Uri&, const QueueOptions&, Deadline);
Result<std::unique_ptr<carrier::Client>> client(const Uri&, const ServeOptions&, Deadline);
Result<std::unique_ptr<carrier::Server>> server(const Uri&, const ServeOptions&, Deadline);

inline constexpr std::size_t usual_depth = std::size_t{4} << 20, usual_message = std::size_t{1} << 20;
inline std::size_t or_usual(std::size_t wanted, std::size_t usual) noexcept { return wanted ? wanted : usual; }

/// Refuses what no hub can give: it keeps all it has in its process.
Result<> check_durability(const Uri&, Durability);

}  // namespace wye::hub
