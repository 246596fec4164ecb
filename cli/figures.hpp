// The file that `wye bench` leaves: JSON of schema wye.bench/1, checked, as the figures that `wye advise` ranks by.
#pragma once
#include "wye/base/error.hpp"

#include "measure/figures.hpp"

#include <optional>
#include <string>

namespace wye::cli {

/// $XDG_STATE_HOME/wye/bench.json or ~/.local/state/wye/bench.json; empty where there is no home.
std::string kept_figures();

/// Errc::not_found; Errc::mismatch with what is wrong with it, and where.
Result<advice::Figures> read_figures(const std::string& file);

}  // namespace wye::cli
