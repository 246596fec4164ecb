// eventfds as `wye ls` shows them. They have no room: asio and the rooms that ring bells use them inside. All of them
// share one inode; which one it is, the kernel numbers apart. eventfd(2)
#include "io/see.hpp"

#include <map>

namespace wye {

void see_eventfds(const sys::Snapshot& s, Inventory& into) {
    std::map<std::uint64_t, Item> all;
    for (const auto& p : s.processes)
        for (const auto& f : p.fds) {
            const auto id = f.info.eventfd_id;
            if (!id) continue;
            auto& item = all[*id];
            auto& h = item.holders.emplace_back(holder(p, "fd"));
            h.fd = f.fd, h.reads = h.writes = true;
            if (item.holders.size() > 1) continue;
            item.kind = "eventfd", item.name = "eventfd:" + std::to_string(*id), item.identity = EventIdentity{*id};
            item.use = "count " + std::to_string(f.info.eventfd_count);
            item.facts.emplace_back("count", f.info.eventfd_count);
            item.facts.emplace_back("semaphore", f.info.eventfd_semaphore);
        }
    for (auto& [id, item] : all) into.items.push_back(std::move(item));
}

}  // namespace wye
