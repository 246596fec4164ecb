// The questions of `wye advise`, on a terminal: numbered answers on standard error, a line of standard input each.
#pragma once
#include "measure/advice.hpp"

#include <optional>

namespace wye::cli {

/// nullopt: whoever was asked has left (q, the end of input, Ctrl-C).
std::optional<advice::Needs> ask_needs(const advice::Figures*);

}  // namespace wye::cli
