// Small files and directories that are read whole: those of /proc, and mount points.
#pragma once
#include "wye/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace wye::sys {

Result<std::string> read_whole(const std::string& path);

/// A file that holds one number, as those of /proc/sys do; nullopt for anything else.
std::optional<std::uint64_t> read_number(const std::string& path);

/// Without "." and "..".
Result<std::vector<std::string>> names_in(const std::string& directory);

}  // namespace wye::sys
