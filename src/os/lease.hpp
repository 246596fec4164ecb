// The kernel's own answer to whether anybody at all has a file open or mapped.
#pragma once
#include "wye/base/error.hpp"

#include <cstdint>
#include <string>

namespace wye::sys {

enum class Sole : std::uint8_t {
    yes,      // nobody else: no descriptor, no mapping, nothing on its way through a socket, in no namespace
    no,       // somebody
    unasked,  // not ours to ask, or not a file that can be asked
    gone,     // the name stands for another file by now, or for none
};

/// By a write lease (fcntl(2), F_SETLEASE), which is given up at once: whoever opens the file in that moment waits for
/// some microseconds. The file that the path stands for must be that one. Only for tmpfs and mqueuefs: on overlayfs a
/// mapping would not be seen. Sole::unasked where lease_works() says no.
Sole anybody_else(const std::string& path, std::uint64_t dev, std::uint64_t ino) noexcept;

/// The same of a POSIX queue of this IPC namespace, "/NAME": also where no mqueuefs is mounted, as far as one may.
Sole queue_anybody_else(const std::string& name, std::uint64_t dev, std::uint64_t ino) noexcept;

/// Whether fcntl(2) locks it for anybody, in whatever pid namespace; asked without taking one. True also where the path
/// stands for something else, or cannot be asked. Of flock(2) nothing can be asked.
bool locked(const std::string& path, std::uint64_t dev, std::uint64_t ino) noexcept;

/// Tried once, with a file without a name: refused while it is mapped, given when it is not.
bool lease_works() noexcept;

}  // namespace wye::sys
