// What the patterns keep while servers of a cluster are killed.
#pragma once
#include "wye/process/nats_server.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace wye::cli {

struct DemoRow {
    std::string pattern;
    std::uint64_t tried = 0, acked = 0, failed = 0, unknown = 0;  // as the sender was told
    std::uint64_t stored = 0;                                     // of the unknown, that were there after all
    std::uint64_t lost = 0;                                       // acknowledged, and never seen again
    std::uint64_t duplicated = 0, redelivered = 0;                // seen again: silently; and said to be so
};

struct DemoResult {
    std::vector<DemoRow> rows;
    unsigned kills = 0;
    double recovery = 0;  // seconds from the last restart until all was read and everything worked
};

/// Runs the patterns for so long while servers die and come back, then reads everything to its end. `stopped` is asked
/// again and again, and ends it early; `say` is told what happens.
Result<DemoResult> cluster_demo(NatsCluster&, std::chrono::nanoseconds, std::uint64_t seed,
                                const std::function<bool()>& stopped,
                                const std::function<void(const std::string&)>& say);

}  // namespace wye::cli
