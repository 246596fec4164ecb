// What rooms share when they read a snapshot.
#include "io/see.hpp"

#include "os/sysv_key.hpp"

#include <algorithm>

namespace wye {

FileIdentity identity(sys::FileKey k) noexcept { return {.dev = k.dev, .ino = k.ino}; }

Holder holder(const sys::SeenProcess& p, std::string_view via) {
    return {.pid = p.pid, .start = p.start, .comm = p.comm, .via = via};
}

Waiter waiter(const sys::SeenProcess& p, const sys::Blocked& b, std::string_view what) {
    return {
        .pid = p.pid, .tid = b.tid, .comm = p.comm, .what = what, .timed = b.timed, .threads = p.threads, .last = {}};
}

std::optional<Holder> last_user(const sys::Snapshot& s, std::int32_t pid, std::int64_t when, const Waiter& w) {
    const auto* p = pid > 0 && pid != w.pid ? s.process(pid) : nullptr;
    if (!p) return {};
    constexpr std::int64_t tick = 10'000'000, second = 1'000'000'000;
    const bool older = s.booted + static_cast<std::int64_t>(p->start) * tick <= (when + 1) * second;
    return older ? std::optional(holder(*p, "last")) : std::nullopt;
}

void add_open(const sys::Snapshot& s, sys::FileKey k, Item& item) {
    for (const auto use : s.open_at(k)) {
        auto& h = item.holders.emplace_back(holder(s.processes[use.process], "fd"));
        const auto& fd = s.fd(use);
        h.fd = fd.fd, h.reads = fd.info.reads(), h.writes = fd.info.writes();
    }
}

void add_movers(const sys::Snapshot& s, sys::FileKey key, Item& item) {
    bool empty = false, full = false;
    for (const auto use : s.asleep_at(key)) {
        const auto& b = s.sleeper(use);
        const bool reads = b.in == sys::SleepsIn::read;
        if (!reads && b.in != sys::SleepsIn::write) continue;
        item.waiters.push_back(waiter(s.processes[use.process], b, reads ? "read" : "write"));
        (reads ? empty : full) = true;
    }
    // Where both sleep, one of them is just being woken.
    if (empty == full) return;
    item.use += empty ? ", empty" : ", full";
    item.facts.emplace_back(empty ? "empty" : "full", true);
}

void add_mapped(const sys::Snapshot& s, sys::FileKey k, Item& item, std::string_view via) {
    std::uint32_t last = UINT32_MAX;  // the maps of a process lie together
    for (const auto use : s.mapped_at(k)) {
        if (use.process != last) item.holders.push_back(holder(s.processes[use.process], via));
        last = use.process;
        item.holders.back().reads = true;
        item.holders.back().writes |= s.map(use).write;
    }
}

void add_file(const sys::FileFacts& f, Item& item) {
    if (f.mode == 0) return;
    item.uid = f.uid, item.gid = f.gid, item.mode = f.mode & 07777, item.changed = f.changed;
    if (!f.is(sys::type_regular)) return;
    item.size = f.size, item.allocated = f.allocated;
}

void add_sysv(const sys::SysvObject& o, const sys::Snapshot& s, const sys::IpcNamespace& ns, Item& item) {
    item.name = std::to_string(o.id) + (o.key == 0 ? " private" : " key " + sys::key_text(o.key));
    item.uri = std::string(item.kind) + (o.key == 0 ? ":id=" + std::to_string(o.id) : ":key=" + sys::key_text(o.key));
    item.identity = SysvIdentity{.ipc = ns.ino, .id = o.id};
    item.space = "ipc", item.ns = ns.ino, item.own_ns = ns.ino == s.own.ipc;
    item.uid = o.uid, item.gid = o.gid, item.mode = o.mode & 0777;
    item.changed = o.changed * 1'000'000'000;
    item.facts.emplace_back("id", static_cast<std::uint64_t>(static_cast<std::uint32_t>(o.id)));
    item.facts.emplace_back("key", sys::key_text(o.key));
    if (o.cuid != o.uid) item.facts.emplace_back("creator_uid", std::uint64_t{o.cuid});
}

bool take_deleted(std::string& path) {
    constexpr std::string_view mark = " (deleted)";
    if (!path.ends_with(mark)) return false;
    path.resize(path.size() - mark.size());
    return true;
}

std::optional<std::string_view> own_name(std::string_view file, std::string_view word) {
    if (!file.starts_with("wye-")) return {};
    const auto slash = file.find('/');
    if (slash == file.npos || slash == 4 || file.find_first_not_of("0123456789", 4) != slash) return {};
    file.remove_prefix(slash + 1);
    if (!file.starts_with(word) || !file.substr(word.size()).starts_with('.')) return {};
    return file.substr(word.size() + 1);
}

void see_shared_segments(const sys::Snapshot& s, Inventory& into, std::string_view kind, std::string_view word,
                         std::string_view beside) {
    for (const auto& place : s.shm)
        for (const auto& f : place.files) {
            const auto name = own_name(f.path, word);
            if (!name) continue;
            Item item{.kind = kind, .name = std::string(*name), .identity = identity(f.file.key)};
            add_file(f.file, item);
            add_place(place, s, item);
            if (item.own_ns && item.uid == s.own.uid) item.uri = std::string(kind) + ":" + item.name;
            add_open(s, f.file.key, item);
            add_mapped(s, f.file.key, item);
            if (!beside.empty())
                for (const auto& g : place.files) {
                    const auto part = own_name(g.path, beside);
                    if (!part || !part->starts_with(item.name + ".") || g.file.uid != f.file.uid) continue;
                    *item.size += g.file.size, *item.allocated += g.file.allocated;
                }
            into.items.push_back(std::move(item));
        }
}

void add_place(const sys::SharedMemoryPlace& place, const sys::Snapshot& s, Item& item) {
    item.space = "mnt", item.ns = place.mnt, item.own_ns = place.mnt == s.own.mnt;
}

std::string counted(std::uint64_t n, std::string_view thing) {
    return std::to_string(n) + " " + std::string(thing) + (n == 1 ? "" : "s");
}

}  // namespace wye
