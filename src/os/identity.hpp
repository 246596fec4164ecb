// Who a process is, for ever: a pid alone is reused.
#pragma once
#include <cstdint>
#include <string>

namespace wye::sys {

struct Identity {
    std::int32_t pid = 0;
    std::uint64_t started = 0;        ///< clock ticks after boot; proc_pid_stat(5), field 22
    std::uint64_t pid_namespace = 0;  ///< its inode: in another one the pid means somebody else
};

/// Our own; what /proc does not tell is 0.
Identity identity();

/// A number of this boot, the same for every process until the machine starts again; 0 without /proc.
std::uint64_t boot_number();

/// When the process of that number was started; 0 when there is none, or none that we may see.
std::uint64_t start_time(std::int32_t pid);

}  // namespace wye::sys
