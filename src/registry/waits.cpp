#include "registry/waits.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace wye {
namespace {

// What the others must do at the object, by what the waiter does there.
enum class Cure : std::uint8_t { let_go, write, read, open_to_read, open_to_write, post };

Cure cure(const Item& item, const Waiter& w) {
    if (item.kind == "lock" || item.kind == "lease") return Cure::let_go;
    if (w.what == "read" || w.what == "msgrcv" || w.what == "mq_receive") return Cure::write;
    if (w.what == "write" || w.what == "msgsnd" || w.what == "mq_send") return Cure::read;
    if (w.what == "open to read") return Cure::open_to_write;
    if (w.what == "open to write") return Cure::open_to_read;
    return Cure::post;
}

bool can(const Holder& h, Cure c) {
    switch (c) {
        case Cure::write:
        case Cure::open_to_write:
            return h.writes;
        case Cure::read:
        case Cure::open_to_read:
            return h.reads;
        case Cure::let_go:
            return h.via == "lock";
        case Cure::post:
            return true;
    }
    return false;
}

Wait wait_of(const Item& item, const Waiter& who) {
    const auto c = cure(item, who);
    Wait w{.item = &item, .who = who, .by = {}};
    w.all = c == Cure::let_go;
    // A pipe has no name: only who has it open can. A queue and a semaphore have one, and System V's no holders at all.
    w.sure = item.hidden_holders == 0 && (c == Cure::let_go || item.kind == "pipe");
    std::set<std::int32_t> pids;
    for (const auto& h : item.holders)
        if (can(h, c) && pids.insert(h.pid).second) w.by.push_back(&h);
    // Its own other end helps nobody who sleeps; unless somebody else has it too, that is the end of it.
    if (w.by.size() > 1 || !w.sure) std::erase_if(w.by, [&](const Holder* h) { return h->pid == who.pid; });
    return w;
}

// Stuck is who waits for nobody but the stuck. From the other side: all are, but those that somebody can free.
void find_stuck(std::vector<Wait>& all) {
    std::map<std::int32_t, bool> stuck;
    for (const auto& w : all)
        if (w.sure && !w.by.empty()) stuck[w.who.pid] = true;
    const auto is_stuck = [&](const Holder* h) {
        const auto s = stuck.find(h->pid);
        return s != stuck.end() && s->second;
    };
    for (bool again = true; again;) {
        again = false;
        for (auto& w : all) {
            const auto mine = stuck.find(w.who.pid);
            if (mine == stuck.end() || !mine->second || !w.sure || w.by.empty()) continue;
            const bool held = w.all ? std::ranges::any_of(w.by, is_stuck) : std::ranges::all_of(w.by, is_stuck);
            if (!held) mine->second = false, again = true;
        }
    }
    for (auto& w : all) {
        const auto s = stuck.find(w.who.pid);
        w.stuck = w.sure && s != stuck.end() && s->second;
    }
}

}  // namespace

std::vector<Wait> waits_in(const Inventory& inventory) {
    std::vector<Wait> all;
    for (const auto& item : inventory.items)
        for (const auto& who : item.waiters) all.push_back(wait_of(item, who));
    find_stuck(all);
    return all;
}

std::vector<std::vector<std::size_t>> cycles_in(const std::vector<Wait>& waits) {
    std::multimap<std::int32_t, std::size_t> of;  // a process's waits
    for (std::size_t i = 0; i < waits.size(); ++i)
        if (waits[i].stuck) of.emplace(waits[i].who.pid, i);
    std::vector<std::vector<std::size_t>> all;
    std::set<std::int32_t> done;
    for (const auto& [start, first] : of) {
        // Along somebody stuck each time, until one comes again: from there on it is a ring.
        std::vector<std::size_t> way;
        std::map<std::int32_t, std::size_t> at;
        for (auto pid = start; !done.contains(pid);) {
            if (const auto seen = at.find(pid); seen != at.end()) {
                all.emplace_back(way.begin() + static_cast<std::ptrdiff_t>(seen->second), way.end());
                break;
            }
            at[pid] = way.size();
            way.push_back(of.find(pid)->second);
            const auto& by = waits[way.back()].by;
            const auto next = std::ranges::find_if(by, [&](const Holder* h) { return of.contains(h->pid); });
            if (next == by.end()) break;
            pid = (*next)->pid;
        }
        for (const auto& [pid, position] : at) done.insert(pid);
    }
    return all;
}

}  // namespace wye
