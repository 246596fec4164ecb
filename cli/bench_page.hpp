#pragma once
#include <string_view>

namespace wye::cli {

/// cli/bench_page.html, which ./dev page makes from page/.
std::string_view bench_page() noexcept;

}  // namespace wye::cli
