// How the URIs of System V objects name them: a file and a number, a key, or the kernel's id.
#pragma once
#include "wye/core/uri.hpp"

#include <cstdint>
#include <string>

namespace wye {

struct SysvAddress {
    bool is_id = false;
    std::int32_t number = 0;  ///< the id, or the key
    std::string path;         ///< the file that the key was made from, if it was
};

/// `/path#n`, `key=0x51` or `id=5`. `example` is a right URI with a path.
Result<SysvAddress> sysv_address(const Uri&, std::string_view example);

}  // namespace wye
