// Users, by name.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <string>

namespace wye::sys {

/// "www-data" or "33"; Errc::not_found where nobody has heard of it. By name it may ask files and networks
/// (getpwnam(3)).
Result<uid_t> user_of(const std::string& name);

}  // namespace wye::sys
