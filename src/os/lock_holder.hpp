// Who holds a lock: from /proc/locks, and where that names nobody from the descriptors of each process.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/lock_holder.hpp"

#include "os/syscall.hpp"

#include <optional>

namespace wye::sys {

/// Errc::unsupported without /proc.
Result<std::optional<LockHolder>> flock_holder(const struct stat& file);
/// Of an OFD lock that F_OFD_GETLK found.
LockHolder range_holder(const struct stat& file, const struct flock& found);

}  // namespace wye::sys
