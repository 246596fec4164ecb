#include "wye/core/traits.hpp"

namespace wye {

std::string_view name(Timing t) noexcept { return t == Timing::sync ? "sync" : t == Timing::async ? "async" : "both"; }
std::string_view name(Direction d) noexcept { return d == Direction::one_way ? "one way" : "both ways"; }
std::string_view name(Relation r) noexcept { return r == Relation::any ? "any" : "related"; }
std::string_view name(Reach r) noexcept { return r == Reach::host ? "host" : "network"; }
std::string_view name(Data d) noexcept { return d == Data::none ? "none" : d == Data::word ? "one word" : "variable"; }
std::string_view name(Boundaries b) noexcept { return b == Boundaries::stream ? "stream" : "message"; }
std::string_view name(Lifetime l) noexcept {
    return l == Lifetime::handle ? "handle" : l == Lifetime::kernel ? "kernel" : "filesystem";
}

}  // namespace wye
