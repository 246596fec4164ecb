// The one list of what carries patterns.
#include "wye/pattern/carrier.hpp"

#include "pattern/hub/sockets.hpp"
#include "pattern/mq.hpp"
#include "pattern/nats.hpp"
#include "pattern/shm.hpp"

#include <array>

namespace wye::carrier {
namespace {

constexpr Carrier shm_carrier{
    .scheme = "shm",
    .example = "shm:prices",
    .params = shm_params,
    .able = {.history = true,
             .blocks = true,
             .redelivers = true,
             .dead_letters = true,
             .many_servers = true,
             .streams = true},
    .publisher = open_shm_publisher,
    .subscriber = open_shm_subscriber,
    .producer = open_shm_producer,
    .worker = open_shm_worker,
    .client = open_shm_client,
    .server = open_shm_server,
};

}  // namespace

std::span<const Carrier* const> carriers() noexcept {
    // A line each.
    // clang-format off
    static const std::array all{
        &shm_carrier,
        &unix_carrier,
        &tcp_carrier,
#ifdef WYE_TLS
        &tls_carrier,
#endif
        &posix_mq_carrier(),
        &sysv_mq_carrier(),
        &nats_carrier(),
    };
    // clang-format on
    return all;
}

}  // namespace wye::carrier
