#include "measure/use.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace wye::measure {

Use use_of_this_process() {
    Use u;
    std::error_code e;
    for (std::filesystem::directory_iterator it("/proc/self/fd", e), end; !e && it != end; it.increment(e))
        ++u.descriptors;
    std::ifstream maps("/proc/self/maps"), sum("/proc/self/smaps_rollup");
    for (std::string line; std::getline(maps, line);) ++u.mappings;
    for (std::string line; std::getline(sum, line);)
        if (line.starts_with("Pss:")) u.kib = std::strtoull(&line[4], nullptr, 10);
    return u;
}

}  // namespace wye::measure
