#pragma once
#include <string_view>

namespace wye::cli {

/// Prints to standard output; through $PAGER (no shell: split at spaces) when that is a terminal the text does not fit
/// in.
void page_out(std::string_view text);

}  // namespace wye::cli
