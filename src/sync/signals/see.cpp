// Signals that were sent and not taken, as `wye ls` shows them: a process each.
#include "io/see.hpp"

#include "wye/sync/signals.hpp"

#include <bit>

namespace wye {

void see_signals(const sys::Snapshot& s, Inventory& into) {
    for (const auto& p : s.processes) {
        const auto pending = p.signals.pending | p.signals.shared;
        if (pending == 0) continue;
        Item item{.kind = "signal", .name = "to " + std::to_string(p.pid) + " " + p.comm};
        item.identity = ProcessIdentity{.pid = p.pid, .start = p.start};
        item.uid = p.uid;
        std::string names;
        for (int n = 1; n <= 64; ++n)
            if ((pending >> (n - 1) & 1) != 0) names += (names.empty() ? "" : " ") + signal_name(n);
        item.use = names + " pending";
        item.facts.emplace_back("pending", names);
        item.facts.emplace_back("blocked", (pending & p.signals.blocked) == pending);
        item.facts.emplace_back("queued", p.signals.queued);
        item.facts.emplace_back("limit", p.signals.limit);
        item.holders.push_back(holder(p, "pending"));
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
