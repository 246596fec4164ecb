// Groups of users, by name.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <string>

namespace wye::sys {

/// "adm" or "4"; Errc::not_found where nobody has heard of it. By name it may ask files and networks (getgrnam(3)).
Result<gid_t> group_of(const std::string& name);

}  // namespace wye::sys
