#include "measure/use.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace wye::measure {

Use Use::more_than(const Use& before) const noexcept {
    const auto more = [&](std::uint64_t Use::* of) { return this->*of > before.*of ? this->*of - before.*of : 0; };
    return {.descriptors = more(&Use::descriptors),
            .mappings = more(&Use::mappings),
            .kib = more(&Use::kib),
            .rss_kib = more(&Use::rss_kib),
            .own_kib = more(&Use::own_kib)};
}

Use use_of_this_process() {
    Use u;
    std::error_code e;
    for (std::filesystem::directory_iterator it("/proc/self/fd", e), end; !e && it != end; it.increment(e))
        ++u.descriptors;
    std::ifstream maps("/proc/self/maps"), sum("/proc/self/smaps_rollup");
    for (std::string line; std::getline(maps, line);) ++u.mappings;
    for (std::string line; std::getline(sum, line);) {
        const auto kib = std::strtoull(&line[std::min(line.find(':'), line.size() - 1) + 1], nullptr, 10);
        if (line.starts_with("Pss:")) u.kib = kib;
        if (line.starts_with("Rss:")) u.rss_kib = kib;
        if (line.starts_with("Pss_Anon:") || line.starts_with("Pss_Shmem:")) u.own_kib += kib;
    }
    return u;
}

}  // namespace wye::measure
