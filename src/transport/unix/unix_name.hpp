// The name of a Unix socket: making it, taking a dead owner's over, and removing it again.
#pragma once
#include "wye/transport/unix.hpp"

#include "os/socket.hpp"

#include <memory>
#include <string>

namespace wye {

/// The path of a socket that this process bound. Removed with it, if it still is ours.
class UnixName {
public:
    UnixName(Fd directory, std::string name, const struct stat&);
    UnixName(const UnixName&) = delete;
    UnixName& operator=(const UnixName&) = delete;
    ~UnixName();

private:
    Fd directory_;  // by it, the name holds wherever the program changes its directory to
    std::string name_;
    dev_t dev_;
    ino_t ino_;
    std::uint64_t generation_;
};

int socket_type(UnixType) noexcept;

/// Binds, and listens where the type has connections. The name is null for an abstract address.
Result<std::unique_ptr<UnixName>> bind_unix(const Fd& socket, const std::string& address, const UnixOptions&);

/// The address to connect to. `directory` must live until the connect: a long path goes through it.
Result<sys::Address> unix_address(const std::string& address, Fd& directory);

}  // namespace wye
