// Reading a directory, and small files of /proc.
#pragma once
#include <sys/stat.h>

#include <functional>
#include <string>

#include "wye/base/error.hpp"

namespace wye::sys {

/// Every entry but . and .., with what lstat says of it; one that vanishes meanwhile is left out.
Result<> each_entry(const std::string& directory, const std::function<void(const std::string& name, const struct stat&)>& visit);

/// The whole of a small file. Errc::not_found and so on as open and read have it.
Result<std::string> read_text(const std::string& path);

}  // namespace wye::sys
