// The sockets of the network namespace that the calling thread is in, as sock_diag(7) tells of them: nothing is opened
// but a netlink socket.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wye::sys {

struct Listener {
    std::string name;  // "tcp :80", "unix /run/app.sock"; unescaped
    std::uint32_t waiting = 0, backlog = 0;
    uid_t user = static_cast<uid_t>(-1);  // -1: not told
};
/// Connections of this machine to one place, each with a port of its own.
struct Destination {
    std::string name;
    std::uint64_t connections = 0;
};
struct SocketUse {
    std::vector<Listener> listeners;
    std::vector<Destination> destinations;
};

/// Ports between `first` and `last` are what a destination is counted by.
Result<SocketUse> look_at_sockets(std::uint16_t first, std::uint16_t last);

}  // namespace wye::sys
