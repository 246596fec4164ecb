// A process that has not run since it was looked at has opened, closed and mapped nothing, and sleeps where it slept.
// So who looks every second asks most processes for one line. What others may change of a sleeper is read anew: counts,
// sizes, names, locks, descriptors in flight, pending signals. proc(5)
#include "os/snapshot/again.hpp"

#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"
#include "os/snapshot/words.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace wye::sys {
namespace {

// Whatever is wrong with the reasoning above (a table of descriptors shared by two processes that are no threads) lasts
// for so many looks.
constexpr std::uint32_t most_times = 16;

// "6712334 123 17": nanoseconds on a processor, nanoseconds waiting for one, times. All zero where it is not counted.
bool read_ran(Reader& reader, int proc, const char* name, Ran& r) {
    Words w(reader.piece(proc, name));
    std::uint64_t waited = 0;
    return w.take(r.time) && w.take(waited) && w.take(r.times) && r.times != 0;
}

std::string below(std::int32_t pid, const char* what) { return std::to_string(pid) + what; }

bool has_run(Reader& reader, int proc, const SeenProcess& p) {
    for (const auto& was : p.ran) {
        char name[64];
        char* end = std::to_chars(name, name + 12, p.pid).ptr;
        if (was.tid != p.pid) {
            end = std::copy_n("/task/", 6, end);
            end = std::to_chars(end, end + 12, was.tid).ptr;
        }
        *std::copy_n("/schedstat", 10, end) = 0;
        Ran now{.tid = was.tid};
        if (!read_ran(reader, proc, name, now) || now != was) return true;
    }
    return p.ran.empty();
}

// Whose name or size somebody else may change, and it matters: of other files only where they are locked.
bool is_shared(const SeenFd& f) {
    if (f.file.is(type_fifo) || f.file.is(type_socket)) return f.target.starts_with('/');
    return f.file.is(type_regular) && (f.target.starts_with("/memfd:") || f.target.starts_with("/dev/shm/"));
}

// False when it was closed meanwhile: then it has run. What lies in a socket is asked for of all processes alike, by
// take_in_flight(), and so are locks by take_locks(), where their table has them all; else whoever sleeps keeps his.
bool look_anew(Reader& reader, int proc, std::int32_t pid, bool hides_locks, SeenFd& f) {
    if (f.tid != 0) pid = f.tid;
    if (is_shared(f) || !f.info.locks.empty()) {
        const auto name = below(pid, "/fd/") + std::to_string(f.fd);
        char target[4096];
        const long n = sys::readlinkat(proc, name.c_str(), target, sizeof target);
        if (n < 0 || look(proc, name.c_str(), 0, f.file) < 0) return false;
        f.target.assign(target, static_cast<std::size_t>(n));
    }
    f.info.in_flight = 0;
    if (!hides_locks) f.info.locks.clear();
    if (!f.info.eventfd_id) return true;
    f.info = parse_fdinfo(reader.piece(proc, (below(pid, "/fdinfo/") + std::to_string(f.fd)).c_str()));
    return reader.error() == 0;
}

}  // namespace

std::vector<Ran> how_they_ran(Reader& reader, ProcessDir process, std::int32_t pid, std::uint64_t threads) {
    std::vector<Ran> all;
    const auto add = [&](std::int32_t tid, const char* name) {
        Ran r{.tid = tid};
        if (!read_ran(reader, process.dir, process(name), r)) return false;
        all.push_back(r);
        return true;
    };
    if (threads < 2) return add(pid, "schedstat") ? all : std::vector<Ran>{};
    const long fd = sys::openat(process.dir, process("task"), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return {};
    const Fd tasks(static_cast<int>(fd));
    bool told = true;
    each_name(tasks.get(), [&](const char* name, std::uint8_t) {
        std::int32_t tid = 0;
        if (Words::number(name, tid)) told = told && add(tid, ("task/" + std::string(name) + "/schedstat").c_str());
    });
    return told ? all : std::vector<Ran>{};
}

Before::Before(Snapshot& before) : looks_(before.looks), hides_locks_(before.own.hides_locks) {
    for (auto& p : before.processes) by_pid_.emplace(p.pid, &p);
}

std::optional<SeenProcess> Before::still(Reader& reader, int proc, std::int32_t pid) const {
    const auto at = by_pid_.find(pid);
    if (at == by_pid_.end()) return {};
    auto& p = *at->second;
    // Not all of them are read whole in the same look.
    if ((looks_ + static_cast<std::uint32_t>(pid)) % most_times == 0) return {};
    if (has_run(reader, proc, p)) return {};
    for (auto& f : p.fds)
        if (!look_anew(reader, proc, pid, hides_locks_, f)) return {};
    if (p.signals.blocked != 0) p.signals = parse_status(reader.piece(proc, below(pid, "/status").c_str())).signals;
    const auto in_memory = [](const SeenMap& m) { return m.name.starts_with("/dev/shm/"); };
    if (!p.shares_map && std::ranges::any_of(p.maps, in_memory)) {
        const bool any_private = !std::ranges::all_of(p.maps, &SeenMap::shared);
        p.maps.clear();
        if (take_maps(reader, proc, below(pid, "/maps").c_str(), any_private, p.maps) != 0) return {};
    }
    return std::move(p);
}

}  // namespace wye::sys
