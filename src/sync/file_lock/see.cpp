// File locks and leases as `wye ls` shows them, by the file. /proc/locks has all, but names who took a lock and not who
// has it now, and hides from a pid namespace what was locked outside; the descriptors of the processes have the rest.
#include "io/see.hpp"

#include "wye/sync/file_lock.hpp"

#include <algorithm>
#include <map>

namespace wye {
namespace {

struct Which {
    sys::FileKey file;
    bool lease;
    auto operator<=>(const Which&) const = default;
};

std::string_view word(sys::LockKind k) {
    switch (k) {
        case sys::LockKind::flock:
            return "flock";
        case sys::LockKind::posix:
            return "posix";
        case sys::LockKind::ofd:
            return "ofd";
        case sys::LockKind::lease:
            return "lease";
        default:
            return "other";
    }
}

struct Locked {
    Item item;
    std::map<std::string, std::uint64_t> ways;  // "flock write"
    std::uint64_t table = 0;                    // lines of /proc/locks whose holder is not seen
};
using AllLocked = std::map<Which, Locked>;

void add_way(Locked& l, const sys::FileLock& lock) {
    ++l.ways[std::string(word(lock.kind)) + (lock.write ? " write" : " read")];
}

// One that was made without a name and given it later is still shown as "#4711 (deleted)".
std::string name_of(const sys::Snapshot& s, const sys::SeenFd& f) {
    if (!f.target.ends_with(" (deleted)")) return f.target;
    for (const auto& place : s.shm)
        for (const auto& there : place.files)
            if (there.file.key == f.file.key) return place.path + "/" + there.path;
    return f.target;
}

// The descriptors that have it, which say so in their own words; and the kernel's name for their file system.
void from_descriptors(const sys::Snapshot& s, AllLocked& all, std::map<sys::FileKey, sys::FileKey>& names) {
    for (const auto& p : s.processes)
        for (const auto& f : p.fds)
            for (const auto& lock : f.info.locks) {
                if (lock.waits || lock.kind == sys::LockKind::other) continue;
                names.try_emplace(lock.file, f.file.key);
                auto& l = all[{f.file.key, lock.kind == sys::LockKind::lease}];
                auto& h = l.item.holders.emplace_back(holder(p, "lock"));
                h.fd = f.fd, h.reads = true, h.writes = lock.write;
                add_way(l, lock);
                if (!l.item.name.empty()) continue;
                l.item.name = name_of(s, f);
                add_file(f.file, l.item);
            }
}

void from_table(const sys::Snapshot& s, AllLocked& all, const std::map<sys::FileKey, sys::FileKey>& names) {
    for (const auto& lock : s.locks) {
        if (lock.kind == sys::LockKind::other) continue;
        const auto known = names.find(lock.file);
        const auto file = known == names.end() ? lock.file : known->second;
        auto& l = all[{file, lock.kind == sys::LockKind::lease}];
        const auto* p = s.process(lock.pid);
        if (lock.waits) {
            if (!p) continue;
            auto& w = l.item.waiters.emplace_back(
                waiter(*p, {.tid = p->pid, .ops = {}, .opening = {}, .path = {}}, word(lock.kind)));
            w.timed = lock.kind == sys::LockKind::lease;  // the kernel takes it away after a while
            continue;
        }
        if (!l.item.holders.empty()) continue;  // seen with its descriptor
        add_way(l, lock);
        if (p)
            l.item.holders.push_back(holder(*p, "lock")), l.item.holders.back().writes = lock.write;
        else
            ++l.item.hidden_holders;
    }
}

// Of who waits for an OFD lock the table has no number; its call has the descriptor.
void from_calls(const sys::Snapshot& s, AllLocked& all) {
    each_asleep(s, {sys::SleepsIn::flock, sys::SleepsIn::fcntl}, [&](const auto& p, const auto& b) {
        for (const auto& f : p.fds) {
            const auto l = all.find({f.file.key, false});
            if (l == all.end() || static_cast<std::uint32_t>(f.fd) != static_cast<std::uint32_t>(b.args[0])) continue;
            auto& waiters = l->second.item.waiters;
            const auto known = std::ranges::find(waiters, p.pid, &Waiter::pid);
            if (known == waiters.end())
                waiters.push_back(waiter(p, b, b.in == sys::SleepsIn::flock ? "flock" : "fcntl"));
            else
                known->tid = b.tid;
        }
    });
}

std::string use(const Locked& l) {
    std::string text;
    for (const auto& [way, n] : l.ways)
        text += (text.empty() ? "" : ", ") + (n > 1 ? std::to_string(n) + " " : std::string()) + way;
    if (!l.item.waiters.empty())
        text += (text.empty() ? "" : ", ") + std::to_string(l.item.waiters.size()) + " waiting";
    return text;
}

}  // namespace

void see_locks(const sys::Snapshot& s, Inventory& into) {
    AllLocked all;
    std::map<sys::FileKey, sys::FileKey> names;
    from_descriptors(s, all, names);
    from_table(s, all, names);
    from_calls(s, all);
    for (auto& [which, l] : all) {
        l.item.kind = which.lease ? "lease" : "lock";
        l.item.identity = identity(which.file);
        if (l.item.name.empty()) l.item.name = "inode " + std::to_string(which.file.ino);
        l.item.use = use(l);
        into.items.push_back(std::move(l.item));
    }
}

}  // namespace wye
