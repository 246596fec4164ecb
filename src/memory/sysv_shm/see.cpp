// System V segments as `wye ls` shows them. Who has one attached is a process whose maps say so; but the maps tell only
// the id and the key, which another IPC namespace has too, and a process may have left the one where it attached. So
// what is seen is held against the kernel's own count of attaches.
#include "io/see.hpp"

#include "wye/memory/sysv_shm.hpp"

#include "io/see_maps.hpp"
#include "io/sysv_address.hpp"
#include "os/snapshot/words.hpp"
#include "os/sysv_key.hpp"

#include <algorithm>
#include <map>

namespace wye {
namespace {

struct Which {
    std::int32_t key = 0, id = 0;
    auto operator<=>(const Which&) const = default;
};
struct Attached {
    const sys::SeenProcess* process;
    std::uint64_t times;  // one process may attach several times, and each is counted
    bool writes;
};
using Attaches = std::map<Which, std::vector<Attached>>;

// "/SYSV00005151 (deleted)", whose inode is the id.
std::optional<Which> which(const sys::SeenMap& m) {
    std::string_view name = m.name;
    std::uint32_t key = 0;
    if (!name.starts_with("/SYSV") || name.size() < 13 || !sys::Words::number(name.substr(5, 8), key, 16)) return {};
    return Which{static_cast<std::int32_t>(key), static_cast<std::int32_t>(m.file.ino)};
}

Attaches attaches(const sys::Snapshot& s) {
    Attaches all;
    for (const auto& p : s.processes)
        for (const auto& m : p.maps) {
            const auto w = which(m);
            if (!w) continue;
            auto& list = all[*w];
            if (list.empty() || list.back().process != &p) list.push_back({&p, 0, false});
            ++list.back().times, list.back().writes |= m.write;
        }
    return all;
}

void hold(Item& item, const Attached& a) {
    auto& h = item.holders.emplace_back(holder(*a.process, "attach"));
    h.reads = true, h.writes = a.writes;
}

// More than its own namespace counts: attached before the process went there.
std::uint64_t surplus(const sys::Snapshot& s, const std::vector<Attached>& list, const Attached& a, Which w) {
    std::uint64_t here = 0, counted = 0;
    for (const auto& b : list)
        if (b.process->ns.ipc == a.process->ns.ipc) here += b.times;
    for (const auto& ns : s.ipc)
        for (const auto& r : ns.shm)
            if (ns.ino == a.process->ns.ipc && r.id == w.id && (r.key == w.key || r.removed())) counted += r.attaches;
    return here > counted ? std::min(here - counted, a.times) : 0;
}

void see_one(const sys::Snapshot& s, const Attaches& all, const sys::IpcNamespace& ns, const sys::SysvShmRow& r,
             Inventory& into) {
    Item item{.kind = "sysv-shm"};
    add_sysv(r, s, ns, item);
    item.size = r.size, item.allocated = r.resident + r.swapped;
    item.use = std::to_string(r.attaches) + (r.attaches == 1 ? " attach" : " attaches");
    if (r.removed()) item.use += ", removed";
    item.facts.emplace_back("attaches", r.attaches);
    item.facts.emplace_back("removed", r.removed());
    // From another pid namespace the kernel says 0.
    if (r.creator > 0) item.facts.emplace_back("creator", static_cast<std::uint64_t>(r.creator));
    if (r.last > 0) item.facts.emplace_back("last", static_cast<std::uint64_t>(r.last));
    item.facts.emplace_back("attached", static_cast<std::uint64_t>(r.attached));
    item.facts.emplace_back("detached", static_cast<std::uint64_t>(r.detached));

    std::uint64_t seen = 0;
    std::vector<std::pair<std::uint64_t, const Attached*>> strays;
    for (const auto& [w, list] : all) {
        // Once it is removed its key is 0, and the maps keep the old one.
        if (w.id != r.id || (w.key != r.key && !r.removed())) continue;
        for (const auto& a : list)
            if (a.process->ns.ipc == ns.ino)
                hold(item, a), seen += a.times;
            else if (const auto more = surplus(s, list, a, w); more != 0)
                strays.emplace_back(more, &a);
    }
    // Who has it twice is more likely to have one of them from elsewhere.
    std::ranges::sort(strays, [](const auto& x, const auto& y) {
        return std::pair(y.second->times, x.second->process->pid) < std::pair(x.second->times, y.second->process->pid);
    });
    bool guessed = seen > r.attaches;
    for (const auto& [times, a] : strays) {
        if (seen >= r.attaches) break;
        hold(item, *a), seen += times, guessed = true;
    }
    if (guessed) item.facts.emplace_back("attributed_by_count", true);
    item.hidden_holders = seen < r.attaches ? r.attaches - seen : 0;
    into.items.push_back(std::move(item));
}

}  // namespace

void see_sysv_shm(const sys::Snapshot& s, Inventory& into) {
    const auto all = attaches(s);
    for (const auto& ns : s.ipc)
        for (const auto& r : ns.shm) see_one(s, all, ns, r, into);
}

// From the kernel's table and the maps of processes: to attach it would be to be its last user.
Result<Inspection> inspect_sysv_shm(const Uri& uri) {
    WYE_TRY(const auto a, sysv_address(uri, "sysv-shm:key=0x51"));
    const auto s = sys::take_snapshot();
    const auto ns = std::ranges::find(s.ipc, s.own.ipc, &sys::IpcNamespace::ino);
    const auto same = [&](const sys::SysvShmRow& r) { return a.number == (a.is_id ? r.id : r.key); };
    if (ns == s.ipc.end() || !ns->seen) return refuse(Errc::unsupported, "the kernel shows no table of segments here");
    const auto r = std::ranges::find_if(ns->shm, same);
    if (r == ns->shm.end()) return refuse(Errc::not_found, std::string(uri.text()) + ": there is no such segment");
    const auto pid = [](std::int32_t n) { return n > 0 ? std::to_string(n) : "-"; };
    Inspection out{.facts = {{"id", static_cast<std::uint64_t>(static_cast<std::uint32_t>(r->id))},
                             {"key", sys::key_text(r->key)},
                             {"bytes", r->size},
                             {"resident", r->resident},
                             {"owner", std::uint64_t{r->uid}},
                             {"mode", mode_text(r->mode)},
                             {"made_by", std::uint64_t{r->cuid}},
                             {"maker", pid(r->creator)},
                             {"last_user", pid(r->last)},
                             {"attaches", r->attaches},
                             {"attached", time_text(r->attached)},
                             {"detached", time_text(r->detached)},
                             {"changed", time_text(r->changed)},
                             {"removed", r->removed()}},
                   .parts = {}};
    for (const auto& p : s.processes)
        for (const auto& m : p.maps)
            if (const auto w = which(m);
                p.ns.ipc == ns->ino && w && w->id == r->id && (w->key == r->key || r->removed()))
                add_mapping(p, m, out);
    return out;
}

}  // namespace wye
