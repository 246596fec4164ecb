#include "wye/core/framing.hpp"

namespace wye {
namespace {
constexpr std::string_view names[] = {"frame", "lines", "nul", "raw"};
}  // namespace

std::string_view name(Framing f) noexcept { return names[static_cast<std::size_t>(f)]; }

std::optional<Framing> parse_framing(std::string_view s) noexcept {
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (names[i] == s) return Framing(i);
    return {};
}

}  // namespace wye
