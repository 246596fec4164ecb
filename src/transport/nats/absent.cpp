// Where libnats was not there when this was built.
#include "wye/transport/nats.hpp"

namespace wye {

bool nats_built() noexcept { return false; }

Result<std::unique_ptr<engine::Engine>> nats_connect(const std::vector<HostPort>&, const NatsOptions&, Deadline) {
    return refuse(Errc::unsupported, "nats: built without NATS (libnats-dev)");
}

}  // namespace wye
