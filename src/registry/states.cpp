#include "registry/states.hpp"

#include <algorithm>

namespace wye {

const std::uint64_t* fact(const Item& i, std::string_view name) noexcept {
    for (const auto& [key, value] : i.facts)
        if (key == name) return std::get_if<std::uint64_t>(&value);
    return nullptr;
}

bool is_full(const Item& i) noexcept {
    const auto *messages = fact(i, "messages"), *depth = fact(i, "depth");
    if (messages && depth && *depth != 0) return *messages >= *depth;
    // The kernel lets one more wait than the backlog says.
    const auto *backlog = fact(i, "backlog"), *limit = fact(i, "backlog_limit");
    return backlog && limit && *limit != 0 && *backlog > *limit;
}

bool reader_is_gone(const Item& i) noexcept {
    if (i.kind != "pipe" && i.kind != "fifo") return false;
    const auto reads = [](const Holder& h) { return h.reads; };
    const auto writes = [](const Holder& h) { return h.writes; };
    return std::ranges::any_of(i.holders, writes) && std::ranges::none_of(i.holders, reads);
}

std::string_view state_of(const Item& i) noexcept {
    if (is_full(i)) return "full";
    if (reader_is_gone(i)) return "no reader";
    if (!i.waiters.empty()) return "waits";
    return i.held() ? "held" : "-";
}

}  // namespace wye
