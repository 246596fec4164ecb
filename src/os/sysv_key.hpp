// The keys of System V objects.
#pragma once
#include "wye/base/error.hpp"

#include <cstdint>
#include <string>

namespace wye::sys {

/// As ftok(3) makes it of a file and a number from 1 to 255.
Result<std::int32_t> sysv_key(const std::string& path, unsigned project);

/// As a URI has it: 0x51.
std::string key_text(std::int32_t key);

}  // namespace wye::sys
