// The machine that was measured, and what else it did meanwhile.
#pragma once
#include "measure/program.hpp"

namespace wye::measure {

/// Processor, kernel, hypervisor, governor, memory, and how the two processors that the pairs run on are related.
Json describe_machine();

/// Of all processors since they started, in clock ticks.
struct Busy {
    std::uint64_t all = 0, busy = 0, steal = 0;
    static Busy now();
    Busy since(const Busy& b) const { return {all - b.all, busy - b.busy, steal - b.steal}; }
    /// 0 of what was too short to say: the kernel counts hundredths of a second.
    double steal_percent() const {
        return all >= 200 ? 100. * static_cast<double>(steal) / static_cast<double>(all) : 0;
    }
};

/// Of this process and all its children that have ended, in seconds of a processor.
double own_seconds();

}  // namespace wye::measure
