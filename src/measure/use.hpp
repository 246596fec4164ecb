// What a process has, as the kernel counts it.
#pragma once
#include <cstdint>

namespace wye::measure {

struct Use {
    std::uint64_t descriptors = 0, mappings = 0, kib = 0;
    std::uint64_t rss_kib = 0;
    std::uint64_t own_kib =
        0;  ///< of `kib`, without the pages of files: others who run the same program have them, too
    /// Of the difference; what a neighbour let go of meanwhile is none.
    Use more_than(const Use& before) const noexcept;
};
Use use_of_this_process();

}  // namespace wye::measure
