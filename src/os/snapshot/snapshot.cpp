// The pass, part by part, and the index over it.
#include "os/snapshot/snapshot.hpp"

#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"

#include <time.h>

namespace wye::sys {
namespace {

std::int64_t now(clockid_t clock) noexcept {
    timespec t{};
    ::clock_gettime(clock, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

std::span<const Snapshot::Use> found(const auto& map, FileKey k) noexcept {
    const auto at = map.find(k);
    return at == map.end() ? std::span<const Snapshot::Use>() : std::span<const Snapshot::Use>(at->second);
}

}  // namespace

std::span<const Snapshot::Use> Snapshot::open_at(FileKey k) const noexcept { return found(open_, k); }
std::span<const Snapshot::Use> Snapshot::mapped_at(FileKey k) const noexcept { return found(mapped_, k); }

std::span<const Snapshot::Use> Snapshot::asleep_at(FileKey k) const noexcept { return found(asleep_at_, k); }

const SeenProcess* Snapshot::process(std::int32_t pid) const noexcept {
    const auto at = by_pid_.find(pid);
    return at == by_pid_.end() ? nullptr : &processes[at->second];
}

void Snapshot::index() {
    open_.clear(), mapped_.clear(), asleep_at_.clear(), by_pid_.clear();
    for (auto& a : asleep_) a.clear();
    for (std::uint32_t p = 0; p < processes.size(); ++p) {
        for (std::uint32_t i = 0; i < processes[p].fds.size(); ++i)
            if (processes[p].fds[i].file.mode != 0) open_[processes[p].fds[i].file.key].push_back({p, i});
        for (std::uint32_t i = 0; i < processes[p].maps.size(); ++i)
            mapped_[processes[p].maps[i].file].push_back({p, i});
        by_pid_.try_emplace(processes[p].pid, p);
        for (std::uint32_t i = 0; i < processes[p].blocked.size(); ++i) index_sleeper({p, i});
    }
}

void Snapshot::index_sleeper(Use u) {
    const auto& p = processes[u.process];
    const auto& b = p.blocked[u.index];
    asleep_[static_cast<std::size_t>(b.in)].push_back(u);
    switch (b.in) {
        case SleepsIn::read:
        case SleepsIn::write:
        case SleepsIn::mq_send:
        case SleepsIn::mq_receive:
        case SleepsIn::flock:
        case SleepsIn::fcntl:
            // A thread with descriptors of its own may have another there: all that have the number are meant.
            for (const auto& f : p.fds)
                if (f.fd == static_cast<std::int32_t>(b.args[0]) && f.file.mode != 0)
                    asleep_at_[f.file.key].push_back(u);
            break;
        default:
            break;
    }
}

namespace {

Snapshot take(Snapshot* before) {
    const auto from = now(CLOCK_MONOTONIC);
    const auto calls = sys::count();
    Snapshot s;
    s.taken = now(CLOCK_REALTIME);
    s.booted = s.taken - now(CLOCK_BOOTTIME);
    s.own.uid = sys::effective_user();
    FileFacts f;
    if (look(AT_FDCWD, "/proc/thread-self/ns/ipc", 0, f) == 0) s.own.ipc = f.key.ino, s.namespace_dev = f.key.dev;
    if (look(AT_FDCWD, "/proc/thread-self/ns/net", 0, f) == 0) s.own.net = f.key.ino;
    if (look(AT_FDCWD, "/proc/thread-self/ns/mnt", 0, f) == 0) s.own.mnt = f.key.ino;
    if (look(AT_FDCWD, "/proc/thread-self/ns/pid", 0, f) == 0) s.own.pid = f.key.ino;
    s.own.hides_locks = s.own.pid != first_pid;
    Reader reader;
    // Nobody reads that table before the kernel has waited for a grace period (of RCU): some ten milliseconds.
    Reader locks;
    std::string_view table;
    take_processes(s, before, [&] { table = locks.whole(AT_FDCWD, "/proc/locks"), take_places(s); });
    take_namespaces(s, reader);
    s.index();
    take_locks(s, reader, table);
    take_in_flight(s, reader);
    s.took = now(CLOCK_MONOTONIC) - from;
    s.calls = sys::count() - calls;
    return s;
}

}  // namespace

Snapshot take_snapshot() { return take(nullptr); }
Snapshot take_snapshot(Snapshot before) { return take(&before); }

}  // namespace wye::sys
