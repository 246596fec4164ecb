#pragma once
#include <string>

namespace wye::cli {

/// wye limits probe NAME. Answers the exit code.
int probe_limit(const std::string& name, bool like_here, bool json);

}  // namespace wye::cli
