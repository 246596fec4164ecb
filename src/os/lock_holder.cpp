#include "os/lock_holder.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/small_file.hpp"

#include <sys/sysmacros.h>

#include <cstdio>
#include <cstring>
#include <string_view>

namespace wye::sys {
namespace {

struct Wanted {
    const char* kind;  // "FLOCK", "OFDLCK"
    const struct stat& file;
    std::int64_t start = -1;  // of a range
};

// "1: FLOCK  ADVISORY  WRITE 1234 fd:01:5678 0 EOF", with "lock:" before it in fdinfo. One who waits ("1: -> FLOCK")
// holds nothing.
std::optional<LockHolder> match(std::string_view line, const Wanted& w) {
    char text[160], kind[16], access[16];
    if (line.starts_with("lock:")) line.remove_prefix(5);
    if (line.size() >= sizeof text) return {};
    std::memcpy(text, line.data(), line.size());
    text[line.size()] = 0;
    int pid = 0;
    unsigned major = 0, minor = 0;
    unsigned long inode = 0;
    long start = 0;
    if (std::sscanf(text, " %*d: %15s %*s %15s %d %x:%x:%lu %ld", kind, access, &pid, &major, &minor, &inode, &start) !=
        7)
        return {};
    if (std::strcmp(kind, w.kind) != 0 || inode != w.file.st_ino || major != gnu_dev_major(w.file.st_dev) ||
        minor != gnu_dev_minor(w.file.st_dev) || (w.start >= 0 && start != w.start))
        return {};
    return LockHolder{.pid = pid > 0 ? pid : 0, .shared = std::strcmp(access, "READ") == 0};
}

std::optional<LockHolder> search(std::string_view text, const Wanted& w) {
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto found = match(text.substr(0, end), w)) return found;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

// The process that has it open and locked. Only those that this user may look into.
std::optional<LockHolder> search_processes(const Wanted& w) {
    const auto all = names_in("/proc");
    if (!all) return {};
    for (const auto& name : *all) {
        const auto pid = parse_number(name);
        const auto directory = "/proc/" + name + "/fdinfo";
        if (!pid) continue;
        const auto files = names_in(directory);
        if (!files) continue;
        for (const auto& fd : *files) {
            const auto info = read_whole(directory + "/" + fd);
            if (!info) continue;
            if (auto found = search(*info, w)) return LockHolder{static_cast<pid_t>(*pid), found->shared};
        }
    }
    return {};
}

}  // namespace

Result<std::optional<LockHolder>> flock_holder(const struct stat& file) {
    const auto table = read_whole("/proc/locks");
    if (!table) return wye::fail(Errc::unsupported, "open", "/proc/locks");
    const Wanted w{.kind = "FLOCK", .file = file};
    auto found = search(*table, w);
    // The table has who took it. That one may have died, and a child of its keep the lock.
    // In a pid namespace such a line is missing.
    if (found && found->pid > 0 && sys::kill(found->pid, 0) != -ESRCH) return found;
    if (const auto now = search_processes(w)) return now;
    if (found) found->pid = 0;
    return found;
}

LockHolder range_holder(const struct stat& file, const struct flock& found) {
    const Wanted w{.kind = "OFDLCK", .file = file, .start = found.l_start};
    return search_processes(w).value_or(LockHolder{.pid = 0, .shared = found.l_type == F_RDLCK});
}

}  // namespace wye::sys
