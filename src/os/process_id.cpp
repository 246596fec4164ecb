#include "os/process_id.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <vector>

namespace wye::sys {
namespace {

std::vector<std::string_view> words(std::string_view s) {
    std::vector<std::string_view> all;
    for (std::size_t at = 0; at < s.size();) {
        const auto end = std::min(s.find_first_of(" \n", at), s.size());
        if (end > at) all.push_back(s.substr(at, end - at));
        at = end + 1;
    }
    return all;
}

struct Seen {
    std::uint64_t start = 0;
    bool ended = false;
};

// proc_pid_stat(5): the name in the second field may hold anything, so fields are counted from its last ')'.
Result<Seen> look(pid_t pid) {
    const auto path = "/proc/" + std::to_string(pid) + "/stat";
    WYE_TRY(const auto text, read_whole(path));
    const auto fields = words(std::string_view(text).substr(text.rfind(')') + 1));
    if (fields.size() < 20) return wye::fail(Errc::unsupported, "read", path);
    const auto start = parse_number(fields[19]);
    if (!start) return wye::fail(Errc::unsupported, "read", path);
    return Seen{*start, fields[0] == "Z" || fields[0] == "X"};
}

Result<std::string> boot_id() {
    WYE_TRY(auto text, read_whole("/proc/sys/kernel/random/boot_id"));
    return text.substr(0, text.find('\n'));
}

Result<std::uint64_t> pid_space_of_self() {
    struct stat s{};
    if (const long r = sys::stat("/proc/self/ns/pid", &s); r < 0) return fail(r, "stat", "/proc/self/ns/pid");
    return s.st_ino;
}

}  // namespace

std::optional<Fd> watch_process(pid_t pid, std::uint64_t start) noexcept {
    const long r = sys::pidfd_open(pid);
    if (r < 0) return {};
    Fd fd(static_cast<int>(r));
    // Looked at while we hold it: from now on the number is not given again unnoticed.
    const auto seen = look(pid);
    return seen && seen->start == start && !seen->ended ? std::optional(std::move(fd)) : std::nullopt;
}

Result<ProcessId> ProcessId::self() {
    ProcessId id;
    id.pid = own_pid();
    WYE_TRY(const auto seen, look(id.pid));
    id.start = seen.start;
    WYE_TRY(id.pid_space, pid_space_of_self());
    WYE_TRY(id.boot, boot_id());
    return id;
}

std::string ProcessId::text() const {
    return std::to_string(pid) + " " + std::to_string(start) + " " + std::to_string(pid_space) + " " + boot;
}

std::optional<ProcessId> ProcessId::parse(std::string_view s) {
    const auto w = words(s);
    if (w.size() != 4) return {};
    const auto pid = parse_number(w[0]), start = parse_number(w[1]), space = parse_number(w[2]);
    if (!pid || !start || !space || *pid == 0 || *pid > INT32_MAX || w[3].empty()) return {};
    return ProcessId{static_cast<pid_t>(*pid), *start, *space, std::string(w[3])};
}

ProcessId::Life ProcessId::life(bool one_machine) const {
    const auto now = boot_id();
    if (!now) return Life::unknown;
    if (*now != boot) return one_machine ? Life::dead : Life::unknown;
    const auto space = pid_space_of_self();
    if (!space || *space != pid_space) return Life::unknown;
    // Asked of the kernel itself: /proc may hide other users' processes (hidepid).
    if (sys::kill(pid, 0) == -ESRCH) return Life::dead;
    const auto seen = look(pid);
    if (!seen) return sys::kill(pid, 0) == -ESRCH ? Life::dead : Life::unknown;
    return seen->start != start || seen->ended ? Life::dead : Life::alive;
}

}  // namespace wye::sys
