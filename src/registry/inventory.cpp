// Everything that the rooms see in one snapshot.
#include "wye/registry/inventory.hpp"

#include "os/snapshot/snapshot.hpp"
#include "registry/inventory.hpp"

#include <algorithm>

namespace wye {

// Kinds without a scheme, which no mechanism shows. A line each.
void see_memfds(const sys::Snapshot&, Inventory&);
void see_eventfds(const sys::Snapshot&, Inventory&);
void see_locks(const sys::Snapshot&, Inventory&);
void see_pid_files(const sys::Snapshot&, Inventory&);
void see_ipc_namespaces(const sys::Snapshot&, Inventory&);
void see_temp_dirs(const sys::Snapshot&, Inventory&);

namespace {

Coverage::Part part(const auto& namespaces) {
    return {.seen = static_cast<std::size_t>(std::ranges::count_if(namespaces, [](const auto& n) { return n.seen; })),
            .all = namespaces.size()};
}

}  // namespace

std::vector<std::string_view> inventory_kinds() {
    std::vector<std::string_view> all;
    for (const auto* m : mechanisms())
        if (m->see) all.push_back(m->traits.scheme);
    for (const auto* k : {"memfd", "eventfd", "lock", "lease", "pid-file", "lock-file", "ipc-namespace", "temp-dir"})
        all.emplace_back(k);
    return all;
}

Inventory take_inventory(const sys::Snapshot& s) {
    Inventory all;
    for (const auto* m : mechanisms())
        if (m->see) m->see(s, all);
    for (auto* see : {see_memfds, see_eventfds, see_locks, see_pid_files, see_ipc_namespaces, see_temp_dirs})
        see(s, all);
    auto& c = all.coverage;
    c.processes = s.processes.size();
    for (const auto& p : s.processes)
        if (!p.readable) c.unreadable.push_back({.pid = p.pid, .comm = p.comm});
    c.ipc = part(s.ipc), c.net = part(s.net), c.mnt = {.seen = s.mnt_seen, .all = s.mnt_total};
    c.blind = s.blind, c.took = s.took;
    return all;
}

Inventory take_inventory() { return take_inventory(sys::take_snapshot()); }

}  // namespace wye
