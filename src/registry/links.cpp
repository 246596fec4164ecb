#include "registry/links.hpp"

#include <algorithm>
#include <map>

namespace wye {
namespace {

// What moves bytes one way says who reads and who writes; of what is shared everybody does both.
bool one_way(const Item& i) { return i.kind == "pipe" || i.kind == "fifo" || i.kind == "posix-mq"; }

std::vector<Link> of(const Item& item) {
    std::map<std::int32_t, Link> by_pid;
    for (const auto& h : item.holders) {
        auto& l = by_pid.try_emplace(h.pid, Link{&item, &h}).first->second;
        l.gives |= one_way(item) ? h.writes : true;
        l.takes |= one_way(item) ? h.reads : true;
    }
    std::vector<Link> all;
    for (const auto& [pid, l] : by_pid) all.push_back(l);
    if (item.hidden_holders != 0) all.push_back({&item, nullptr, true, true});
    return all;
}

}  // namespace

std::vector<Link> links_in(const Inventory& inventory, const LinksWanted& wanted) {
    std::vector<std::vector<Link>> objects;
    for (const auto& item : inventory.items)
        if (auto links = of(item); links.size() > 1 || (wanted.alone && !links.empty()))
            objects.push_back(std::move(links));
    std::vector<Link> all;
    if (!wanted.pid) {
        for (const auto& o : objects) all.insert(all.end(), o.begin(), o.end());
        return all;
    }
    // From the process outwards, an object further each time.
    std::set<std::int32_t> near{*wanted.pid};
    std::vector<bool> taken(objects.size());
    for (unsigned hop = 0; hop < wanted.hops; ++hop) {
        const auto from = near;
        for (std::size_t i = 0; i < objects.size(); ++i) {
            const auto is_near = [&](const Link& l) { return l.holder && from.contains(l.holder->pid); };
            if (taken[i] || std::ranges::none_of(objects[i], is_near)) continue;
            taken[i] = true;
            for (const auto& l : objects[i])
                if (l.holder) near.insert(l.holder->pid);
        }
    }
    for (std::size_t i = 0; i < objects.size(); ++i)
        if (taken[i]) all.insert(all.end(), objects[i].begin(), objects[i].end());
    return all;
}

}  // namespace wye
