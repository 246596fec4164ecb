// System V semaphore sets as `wye ls` shows them. Nobody holds a set: only who sleeps in semop(2) is seen, and
// who changed last what he sleeps for.
#include "io/see.hpp"

#include "wye/sync/sysv_semaphore.hpp"

#include <algorithm>

namespace wye {
namespace {

// The operation that stops the call: the first that cannot be done with the values as they are.
const sys::SysvSemRow::Member* stopped_at(const sys::SysvSemRow& set, const sys::Blocked& b) {
    for (const auto& op : b.ops) {
        const auto* m = set.member(op.member);
        if (m && (op.change < 0 ? m->value < -op.change : op.change == 0 && m->value != 0)) return m;
    }
    return nullptr;
}

void add_waiter(const sys::Snapshot& s, const sys::SysvSemRow& set, const sys::SeenProcess& p, const sys::Blocked& b,
                Item& item) {
    auto& w = item.waiters.emplace_back(waiter(p, b, "semop"));
    const auto* m = stopped_at(set, b);
    if (!m) return;
    w.part = m->number;
    w.last = last_user(s, m->last, std::max(set.operated, set.changed), w);
}

// "[1] is 0, last changed by 4711"
std::string awaited(const sys::SysvSemRow& set) {
    std::string text;
    for (const auto& m : set.awaited) {
        text += (text.empty() ? "[" : "; [") + std::to_string(m.number) + "] is " + std::to_string(m.value);
        if (m.last > 0) text += ", last changed by " + std::to_string(m.last);
    }
    return text;
}

}  // namespace

void see_sysv_semaphores(const sys::Snapshot& s, Inventory& into) {
    for (const auto& ns : s.ipc)
        for (const auto& r : ns.sem) {
            Item item{.kind = "sysv-sem"};
            add_sysv(r, s, ns, item);
            item.facts.emplace_back("semaphores", r.members);
            item.facts.emplace_back("operated", static_cast<std::uint64_t>(r.operated));
            each_asleep(s, {sys::SleepsIn::semop}, [&](const auto& p, const auto& b) {
                if (p.ns.ipc == ns.ino && b.args[0] == static_cast<std::uint64_t>(r.id)) add_waiter(s, r, p, b, item);
            });
            if (const auto text = awaited(r); !text.empty()) item.facts.emplace_back("awaited", text);
            item.use = counted(r.members, "semaphore") + ", " + std::to_string(item.waiters.size()) + " waiting";
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
