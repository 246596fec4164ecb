// System V semaphore sets as `wye ls` shows them. Nobody holds a set: only who sleeps in semop(2) is seen.
#include "io/see.hpp"

#include "wye/sync/sysv_semaphore.hpp"

namespace wye {

void see_sysv_semaphores(const sys::Snapshot& s, Inventory& into) {
    for (const auto& ns : s.ipc)
        for (const auto& r : ns.sem) {
            Item item{.kind = "sysv-sem"};
            add_sysv(r, s, ns, item);
            item.facts.emplace_back("semaphores", r.members);
            item.facts.emplace_back("operated", static_cast<std::uint64_t>(r.operated));
            each_blocked(s, [&](const auto& p, const auto& b) {
                if (b.in == sys::SleepsIn::semop && p.ns.ipc == ns.ino && b.args[0] == static_cast<std::uint64_t>(r.id))
                    item.waiters.push_back(waiter(p, b, "semop"));
            });
            item.use = counted(r.members, "semaphore") + ", " + std::to_string(item.waiters.size()) + " waiting";
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
