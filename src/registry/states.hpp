// What is to be said of an object in a word: what `wye top` and `wye doctor` both go by.
#pragma once
#include "wye/core/inventory.hpp"

#include <cstdint>
#include <string_view>

namespace wye {

/// A number among its facts; null where it has none of that name.
const std::uint64_t* fact(const Item&, std::string_view name) noexcept;
/// A queue or a listener that takes nothing more.
bool is_full(const Item&) noexcept;
/// A pipe that somebody may write to, whom the next write ends: nobody who can be seen reads it.
bool reader_is_gone(const Item&) noexcept;
/// "full", "no reader", "waits", "held", or "-".
std::string_view state_of(const Item&) noexcept;
}  // namespace wye
