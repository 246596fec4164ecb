// The name of a Unix socket: making it, taking a dead owner's over, and removing it again.
#pragma once
#include "wye/core/endpoint.hpp"

#include "os/socket.hpp"

#include <memory>
#include <optional>
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

struct UnixNamePlan {
    Create create = Create::if_missing;  ///< exclusive: also a stale path is Errc::already_exists
    unsigned permissions = 0600;         ///< of the path, whatever the umask; nobody connects before they are right
    std::optional<gid_t> group = {};     ///< of the path; none: as every new file
    bool listens = true;                 ///< the type has connections
};

/// Binds, and listens. The name is null for an abstract address.
Result<std::unique_ptr<UnixName>> bind_unix(int socket, const std::string& address, const UnixNamePlan&);

/// The address to connect to. `directory` must live until the connect: a long path goes through it.
Result<sys::Address> unix_address(const std::string& address, Fd& directory);

}  // namespace wye
