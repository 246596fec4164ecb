// What rooms share when they read a snapshot: who has a file open or mapped, who sleeps for it, and whose it is.
#pragma once
#include "wye/core/inventory.hpp"

#include "os/snapshot/snapshot.hpp"

#include <initializer_list>
#include <set>

namespace wye {

FileIdentity identity(sys::FileKey k) noexcept;
Holder holder(const sys::SeenProcess&, std::string_view via);
Waiter waiter(const sys::SeenProcess&, const sys::Blocked&, std::string_view what);

/// Who changed an object last, by the number that the kernel kept and the second when: if that process still lives.
/// Nobody who sleeps for it himself is meant.
std::optional<Holder> last_user(const sys::Snapshot&, std::int32_t pid, std::int64_t when, const Waiter&);

/// Who has it open, a line a descriptor; who has it mapped, a line a process.
void add_open(const sys::Snapshot&, sys::FileKey, Item&);
void add_mapped(const sys::Snapshot&, sys::FileKey, Item&, std::string_view via = "map");

/// Owner, permissions, size and age from what is known of its file.
void add_file(const sys::FileFacts&, Item&);
void add_sysv(const sys::SysvObject&, const sys::Snapshot&, const sys::IpcNamespace&, Item&);
void add_place(const sys::SharedMemoryPlace&, const sys::Snapshot&, Item&);

/// "1 reader", "3 readers".
std::string counted(std::uint64_t n, std::string_view thing);

/// Each thread that sleeps in one of these calls, with its process.
template <class Visit>
void each_asleep(const sys::Snapshot& s, std::initializer_list<sys::SleepsIn> in, Visit&& visit) {
    for (const auto call : in)
        for (const auto use : s.asleep(call)) visit(s.processes[use.process], s.sleeper(use));
}

/// Who sleeps in read(2) or write(2) of a pipe or FIFO, which by this is known to be empty, or full.
void add_movers(const sys::Snapshot&, sys::FileKey, Item&);

/// A file that a process has open or mapped, by whoever shows it first: each once.
struct HeldFile {
    sys::FileFacts file;  // what is known only from a map has no mode
    std::string target;
    const sys::SeenProcess& process;
};
template <class Wanted>
std::vector<HeldFile> held_files(const sys::Snapshot& s, Wanted&& wanted) {
    std::set<sys::FileKey> done;
    std::vector<HeldFile> all;
    for (const auto& p : s.processes)
        for (const auto& f : p.fds)
            if (wanted(f.file, f.target) && done.insert(f.file.key).second) all.push_back({f.file, f.target, p});
    for (const auto& p : s.processes)
        for (const auto& m : p.maps) {
            const sys::FileFacts f{.key = m.file, .mode = 0};
            if (wanted(f, m.name) && done.insert(m.file).second) all.push_back({f, m.name, p});
        }
    return all;
}

/// A path as the kernel shows it: "/tmp/f (deleted)" has no name any more. True when it had that mark, which is taken
/// off.
bool take_deleted(std::string& path);

/// The name that this user's or another's ring or semaphore has: "wye-0/ring.prices" -> "prices" for the word "ring".
std::optional<std::string_view> own_name(std::string_view file, std::string_view word);

/// Adds those that were made by `shm:` or `shm-sem:` as files "WORD.NAME" below /dev/shm/wye-UID. `beside`: the word of
/// further files "BESIDE.NAME.N", whose memory is counted as its own.
void see_shared_segments(const sys::Snapshot&, Inventory&, std::string_view kind, std::string_view word,
                         std::string_view beside = {});

}  // namespace wye
