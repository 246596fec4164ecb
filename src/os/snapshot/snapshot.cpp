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

void Snapshot::index() {
    open_.clear(), mapped_.clear();
    for (std::uint32_t p = 0; p < processes.size(); ++p) {
        for (std::uint32_t i = 0; i < processes[p].fds.size(); ++i)
            if (processes[p].fds[i].file.mode != 0) open_[processes[p].fds[i].file.key].push_back({p, i});
        for (std::uint32_t i = 0; i < processes[p].maps.size(); ++i)
            mapped_[processes[p].maps[i].file].push_back({p, i});
    }
}

Snapshot take_snapshot() {
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
    Reader reader;
    take_processes(s, reader);
    take_namespaces(s, reader);
    s.locks = parse_locks(reader.whole(AT_FDCWD, "/proc/locks"));
    take_places(s);
    s.index();
    s.took = now(CLOCK_MONOTONIC) - from;
    s.calls = sys::count() - calls;
    return s;
}

}  // namespace wye::sys
