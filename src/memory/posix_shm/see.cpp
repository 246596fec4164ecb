// POSIX shared memory as `wye ls` shows it: files of the tmpfs at /dev/shm, and those that have lost their name and
// live as long as somebody has them.
#include "io/see.hpp"

#include "wye/memory/posix_shm.hpp"

#include "io/see_maps.hpp"

#include <algorithm>

namespace wye {
namespace {

bool others(std::string_view path) {
    if (path.starts_with("sem.") && path.find('/') == path.npos) return true;
    return own_name(path, "ring") || own_name(path, "sem") || own_name(path, "loan");
}

void add(const sys::Snapshot& s, sys::FileKey key, Item item, Inventory& into) {
    add_open(s, key, item);
    add_mapped(s, key, item);
    std::size_t maps = 0;
    for (const auto& h : item.holders) maps += h.via == "map";
    item.use = maps == 0 ? "-" : counted(maps, "map");
    item.facts.emplace_back("maps", static_cast<std::uint64_t>(maps));
    into.items.push_back(std::move(item));
}

}  // namespace

void see_posix_shm(const sys::Snapshot& s, Inventory& into) {
    std::set<sys::FileKey> named;
    for (const auto& place : s.shm)
        for (const auto& f : place.files) {
            named.insert(f.file.key);
            if (others(f.path)) continue;
            Item item{.kind = "posix-shm", .name = "/" + f.path, .identity = identity(f.file.key)};
            add_file(f.file, item);
            add_place(place, s, item);
            if (item.own_ns && f.path.find('/') == f.path.npos) item.uri = "posix-shm:" + percent_encode(item.name);
            add(s, f.file.key, std::move(item), into);
        }
    const auto nameless = [&](const sys::FileFacts& f, const std::string& target) {
        return (f.mode == 0 || f.is(sys::type_regular)) && !named.contains(f.key) && !target.starts_with("/memfd:") &&
               (target.starts_with("/dev/shm/") ||
                std::ranges::any_of(s.shm, [&](const auto& p) { return p.dev == f.key.dev; }));
    };
    for (auto& h : held_files(s, nameless)) {
        Item item{.kind = "posix-shm", .identity = identity(h.file.key)};
        const bool deleted = take_deleted(h.target);
        item.name = h.target.starts_with("/dev/shm/") ? h.target.substr(8) : h.target;
        item.facts.emplace_back("unlinked", deleted);
        if (deleted) item.name += " (deleted)";
        item.space = "mnt", item.ns = h.process.ns.mnt, item.own_ns = item.ns == s.own.mnt;
        add_file(h.file, item);
        add(s, h.file.key, std::move(item), into);
    }
}

// The kernel keeps nobody's pid with a file: who made it is a user.
Result<Inspection> inspect_posix_shm(const std::string& name, std::string_view uri) {
    const auto s = sys::take_snapshot();
    for (const auto& place : s.shm) {
        if (place.mnt != s.own.mnt) continue;
        const auto same = [&](const sys::Found& f) { return f.path == name; };
        const auto found = std::ranges::find_if(place.files, same);
        if (found == place.files.end()) continue;
        const auto& f = found->file;
        Inspection out{.facts = {{"bytes", f.size},
                                 {"resident", f.allocated},
                                 {"owner", std::uint64_t{f.uid}},
                                 {"mode", mode_text(f.mode)},
                                 {"changed", time_text(f.changed / 1'000'000'000)},
                                 {"open", std::uint64_t{s.open_at(f.key).size()}}},
                       .parts = {}};
        for (const auto use : s.mapped_at(f.key)) add_mapping(s.processes[use.process], s.map(use), out);
        return out;
    }
    return refuse(Errc::not_found, std::string(uri) + ": there is no such shared memory");
}

}  // namespace wye
