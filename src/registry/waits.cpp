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

// Nobody could have it whom we do not see: no process is out of sight, and nothing is under way in a socket.
bool sees_all(const Inventory& all) {
    return all.coverage.unreadable.empty() && std::ranges::none_of(all.items, [](const Item& i) {
               return std::ranges::any_of(i.facts, [](const auto& f) { return f.first == "descriptors_in_flight"; });
           });
}

Wait wait_of(const Item& item, const Waiter& who, bool whole) {
    const auto c = cure(item, who);
    Wait w{.item = &item, .who = who, .by = {}};
    w.all = c == Cure::let_go;
    // A pipe has no name: only who has it open can. A queue and a semaphore have one, and System V's no holders at all.
    w.sure = item.hidden_holders == 0 && (c == Cure::let_go || (item.kind == "pipe" && whole));
    std::set<std::int32_t> pids;
    for (const auto& h : item.holders)
        if (can(h, c) && pids.insert(h.pid).second) w.by.push_back(&h);
    // Its own other end helps nobody who sleeps; unless somebody else has it too, that is the end of it.
    if (w.by.size() > 1 || !w.sure) std::erase_if(w.by, [&](const Holder* h) { return h->pid == who.pid; });
    if (w.by.empty() && who.last) w.by.push_back(&*who.last), w.by_last = true;
    return w;
}

enum class Certainty : std::uint8_t { likely, sure };

bool counts(const Wait& w, Certainty c) { return !w.by.empty() && !w.who.timed && (w.sure || c == Certainty::likely); }

// Stuck is who waits for nobody but the stuck. From the other side: all are, but those that somebody can free.
void find_stuck(std::vector<Wait>& all, Certainty certainty, bool Wait::* mark) {
    std::map<std::int32_t, std::set<std::int32_t>> asleep;  // threads of each process
    for (const auto& w : all)
        if (counts(w, certainty)) asleep[w.who.pid].insert(w.who.tid);
    std::map<std::int32_t, bool> stuck;
    for (const auto& w : all)
        if (counts(w, certainty))
            stuck[w.who.pid] = certainty == Certainty::likely || asleep[w.who.pid].size() == w.who.threads;
    const auto is_stuck = [&](const Holder* h) {
        const auto s = stuck.find(h->pid);
        return s != stuck.end() && s->second;
    };
    for (bool again = true; again;) {
        again = false;
        for (const auto& w : all) {
            if (!counts(w, certainty) || !stuck[w.who.pid]) continue;
            const bool held = w.all ? std::ranges::any_of(w.by, is_stuck) : std::ranges::all_of(w.by, is_stuck);
            if (!held) stuck[w.who.pid] = false, again = true;
        }
    }
    for (auto& w : all) w.*mark = counts(w, certainty) && stuck[w.who.pid];
}

}  // namespace

std::vector<Wait> waits_in(const Inventory& inventory) {
    const bool whole = sees_all(inventory);
    std::vector<Wait> all;
    for (const auto& item : inventory.items)
        for (const auto& who : item.waiters) all.push_back(wait_of(item, who, whole));
    find_stuck(all, Certainty::sure, &Wait::stuck);
    find_stuck(all, Certainty::likely, &Wait::likely_stuck);
    return all;
}

namespace {

// Along somebody marked each time, until one comes again: from there on it is a ring.
void add_rings(const std::vector<Wait>& waits, bool Wait::* mark, std::vector<Ring>& all) {
    std::multimap<std::int32_t, std::size_t> of;  // a process's waits
    for (std::size_t i = 0; i < waits.size(); ++i)
        if (waits[i].*mark) of.emplace(waits[i].who.pid, i);
    std::set<std::int32_t> done;
    for (const auto& r : all)
        for (const auto i : r.waits) done.insert(waits[i].who.pid);
    for (const auto& [start, first] : of) {
        std::vector<std::size_t> way;
        std::map<std::int32_t, std::size_t> at;
        for (auto pid = start; !done.contains(pid);) {
            if (const auto seen = at.find(pid); seen != at.end()) {
                Ring r{.waits = {way.begin() + static_cast<std::ptrdiff_t>(seen->second), way.end()}};
                r.sure = std::ranges::all_of(r.waits, [&](std::size_t i) { return waits[i].stuck; });
                all.push_back(std::move(r));
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
}

}  // namespace

std::vector<Ring> rings_in(const std::vector<Wait>& waits) {
    std::vector<Ring> all;
    add_rings(waits, &Wait::stuck, all);
    add_rings(waits, &Wait::likely_stuck, all);
    return all;
}

}  // namespace wye
