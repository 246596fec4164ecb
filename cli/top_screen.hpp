// `wye top` on a terminal.
#pragma once
#include "top_model.hpp"

#include <functional>
#include <string>

namespace wye::cli {

struct TopScreen {
    std::chrono::nanoseconds interval;
    std::uint64_t rounds = 0;             // 0: until somebody ends it
    std::function<void(TopModel&)> look;  // gives the model the next look
};

/// False where the command was built without ncurses: there is the batch mode then.
bool has_top_screen() noexcept;

/// Draws the model and does what the keys say, until `q`, a signal, or the rounds are over; the terminal is then as it
/// was. Answers what is wrong where this terminal cannot be drawn on; else nothing.
std::string run_top_screen(TopModel&, const TopScreen&);

}  // namespace wye::cli
