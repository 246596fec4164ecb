// What a process has.
#pragma once
#include <cstdint>

namespace wye::measure {

struct Use {
    std::uint64_t descriptors = 0, mappings = 0;
    std::uint64_t kib = 0;  ///< of memory, where what several have is divided by how many they are
};
Use use_of_this_process();

}  // namespace wye::measure
