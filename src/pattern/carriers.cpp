// The one list of what carries patterns.
#include "wye/pattern/carrier.hpp"

#include <array>

namespace wye::carrier {

std::span<const Carrier* const> carriers() noexcept {
    static constexpr std::array<const Carrier*, 0> all = {};
    return all;
}

}  // namespace wye::carrier
