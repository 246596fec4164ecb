// Descriptors that one thread rings and another polls, at the seam of syscall.hpp.
#pragma once
#include "os/syscall.hpp"

#include <sys/eventfd.h>

namespace wye::sys {

inline long event_fd() noexcept {
    return call(Call::any, [] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
}

}  // namespace wye::sys
