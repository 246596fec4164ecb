// Files that hold secrets.
#pragma once
#include "wye/base/error.hpp"

#include <string>

namespace wye::sys {

/// Its contents. Errc::denied with what to do about it when it is not a plain file of this user's (or root's) that
/// nobody else may read or write; a symbolic link is followed, for what counts is what it leads to.
Result<std::string> read_secret(const std::string& path);

}  // namespace wye::sys
