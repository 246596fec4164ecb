// Names of the network. getaddrinfo(3) has no deadline: a name server that is silent is waited for as resolv.conf says.
#pragma once
#include "os/socket.hpp"

#include <string>
#include <vector>

namespace wye::sys {

/// The addresses of a host, in the order to try them. An empty host is every local address when `passive`, else
/// loopback.
Result<std::vector<Address>> resolve(const std::string& host, const std::string& port, int socket_type, bool passive);

/// "127.0.0.1:7000", "[::1]:7000".
std::string to_text(const Address&);

/// The port a bound socket has, or -errno.
long local_port(int fd) noexcept;

/// A port that was free a moment ago at that address (bound, read, closed); 0 when the address cannot be had.
unsigned free_port(const std::string& host, int socket_type);

}  // namespace wye::sys
