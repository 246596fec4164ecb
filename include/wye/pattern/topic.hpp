#pragma once
#include "wye/base/error.hpp"

#include <string_view>

namespace wye {

constexpr std::size_t longest_topic = 255;

/// A topic is one or more words between dots, `prices.fx.eur`: no blanks, no control characters, no `*` and no `>`. A
/// filter may have `*` for any one word, and end in `>` for one word or more. The empty topic is one too: of a channel
/// that has only one subject; among filters only `>` means it.
Result<> check_topic(std::string_view topic);
Result<> check_filter(std::string_view filter);

/// Whether a topic is one of those that a filter means; both as checked above.
bool matches(std::string_view filter, std::string_view topic) noexcept;

}  // namespace wye
