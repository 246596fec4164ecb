#pragma once
#include <sched.h>

namespace wye::sys {

/// Processors that this process may run on; 1 where nobody says.
inline int processors() noexcept {
    cpu_set_t set;
    return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

}  // namespace wye::sys
