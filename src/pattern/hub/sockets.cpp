// The carriers over stream sockets: unix:, tcp:.
#include "pattern/hub/sockets.hpp"

#include "pattern/hub/ends.hpp"

namespace wye::carrier {
namespace {

constexpr Param params[] = {
    {"listen", "", "be the one that the others connect to: any role may, and there must be one"}};

constexpr Param tcp_params[] = {params[0], {"plaintext", "allow", "also beyond this machine, unprotected"}};
constexpr Param tls_params[] = {params[0],
                                {"ca", "FILE", "who may have signed the other end's certificate"},
                                {"cert", "FILE", "our certificate"},
                                {"key", "FILE", "its key; nobody else may read the file"},
                                {"name", "HOST", "whom the other's certificate must be for"}};

constexpr Abilities able(bool network) noexcept {
    return {.many_publishers = true,
            .history = true,
            .blocks = true,
            .redelivers = true,
            .dead_letters = true,
            .priorities = true,
            .many_servers = true,
            .sees_no_server = true,
            .streams = true,
            .reaches_network = network,
            .most = Durability::none};
}

constexpr Carrier over(std::string_view scheme, std::string_view example, std::span<const Param> takes, bool network) {
    return {.scheme = scheme,
            .example = example,
            .params = takes,
            .able = able(network),
            .publisher = hub::publisher,
            .subscriber = hub::subscriber,
            .producer = hub::producer,
            .worker = hub::worker,
            .client = hub::client,
            .server = hub::server};
}

}  // namespace

const Carrier unix_carrier = over("unix", "unix:/run/app.sock", params, false);
const Carrier tcp_carrier = over("tcp", "tcp://127.0.0.1:7000", tcp_params, true);
const Carrier tls_carrier = over("tls", "tls://127.0.0.1:7000?ca=ca.pem&cert=me.pem&key=me.key", tls_params, true);

}  // namespace wye::carrier
