#pragma once
#include "measure/program.hpp"

namespace wye::measure {

/// A figure that both have, and how far the second is from the first. More than what the rounds of either differ by,
/// and than a twentieth, is a difference; all else is noise.
struct Difference {
    enum class Verdict : std::uint8_t { better, worse, noise };
    std::string means, workload, wait;
    std::size_t size = 0;
    unsigned parties = 2;
    double rate = 0;
    std::uint64_t gap_ns = 0;
    double before = 0, after = 0;  // ns: p50, or a message
    double change = 0;             // after / before - 1
    double noise = 0;              // what both runs' rounds differ by, together
    Verdict verdict = Verdict::noise;
};

struct Comparison {
    std::vector<Difference> rows;
    std::vector<std::string> only_before, only_after;  // what the other has not
    std::vector<std::string> warnings;                 // another machine, another mode, not complete
};

/// Two documents of wye.bench/1. Errc::mismatch for anything else.
Result<Comparison> compare(const Json& before, const Json& after);

/// As docs/bench.md has them: `p50` or `ns` of a row. 0 where it has none.
double figure_of(const Json& row);

}  // namespace wye::measure
