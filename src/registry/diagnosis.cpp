// What is wrong with what somebody has: kinds that go with their last user are no orphans, and may be of no use all the
// same.
#include "registry/case.hpp"

#include <algorithm>

namespace wye {
namespace {

bool flag(const Item& i, std::string_view fact) {
    for (const auto& [name, value] : i.facts)
        if (name == fact)
            if (const auto* b = std::get_if<bool>(&value)) return *b;
    return false;
}

// A reader may be out of sight: of a process that cannot be looked into, or on its way through a socket.
bool all_ends_seen(const Case& c) {
    if (!c.whole()) return false;
    return std::ranges::none_of(c.seen.processes, [](const auto& p) {
        return std::ranges::any_of(p.fds, [](const auto& f) { return f.info.in_flight != 0; });
    });
}

std::string of_ends(const Case& c) {
    bool reads = false, writes = false;
    for (const auto& h : c.item.holders) reads |= h.reads, writes |= h.writes;
    for (const auto& w : c.item.waiters)
        if (w.what.starts_with("open")) return {};
    if (writes && !reads) return all_ends_seen(c) ? "reader gone: SIGPIPE next" : "no reader is seen";
    if (reads && !writes && c.item.kind == "pipe")
        return all_ends_seen(c) ? "writer gone: end of file next" : "no writer is seen";
    return {};
}

}  // namespace

std::string diagnosis_of(const Case& c) {
    const auto& i = c.item;
    if (i.kind == "pipe" || i.kind == "fifo") return of_ends(c);
    if (const auto* n = c.number("descriptors_in_flight"))
        return std::to_string(*n) +
               (*n == 1 ? " descriptor in flight, not received" : " descriptors in flight, not received");
    const auto kept = i.allocated.value_or(0);
    if (i.kind == "posix-shm" && flag(i, "unlinked") && kept != 0)
        return "no name: " + std::to_string(kept) + " bytes go with its last holder";
    if (i.kind == "sysv-shm" && flag(i, "removed")) return "removed: goes with its last attach";
    if (i.kind == "unix" && i.use.ends_with("FULL")) return "backlog full: EAGAIN next";
    return {};
}

}  // namespace wye
