// What `wye bench` shows on a terminal.
#pragma once
#include "table.hpp"

namespace wye::measure {
struct Comparison;
}

namespace wye::cli {

/// wye.bench/1 as tables with bars.
std::string bench_text(const Json& document);
std::string comparison_text(const measure::Comparison&, bool all);
Json comparison_json(const measure::Comparison&);

/// "64 B", "4 KiB", "24 MB".
std::string size_text(std::size_t);

}  // namespace wye::cli
