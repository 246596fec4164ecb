// What /proc writes, taken apart: pure functions over text that others have a hand in (a process chooses its name).
// What does not parse is absent; nothing here trusts a count or a length.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wye::sys {

/// What `RLIMIT_` and cgroup files call "unlimited" or "max".
inline constexpr std::uint64_t no_ceiling = UINT64_MAX;

/// The line up to '\n', taken off the text.
std::string_view take_line(std::string_view& text) noexcept;
/// The word up to white space, taken off the line; empty at its end.
std::string_view take_word(std::string_view& line) noexcept;

/// The n-th word (from 0) as a number; "max", "unlimited" and "-1" are no_ceiling.
std::optional<std::uint64_t> nth_number(std::string_view line, unsigned n) noexcept;

/// The number after `key` where a line begins with it: "VmLck:" of /proc/PID/status.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) noexcept;

/// The soft limit of a line of /proc/PID/limits: "Max open files".
std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view title) noexcept;

/// Rows by the names that the first line gives the columns: /proc/sysvipc/*.
class Columns {
public:
    explicit Columns(std::string_view text);
    std::size_t rows() const noexcept { return rows_.size(); }
    /// 0 where the column is missing or holds no decimal number.
    std::uint64_t at(std::size_t row, std::string_view column) const noexcept;

private:
    std::vector<std::string_view> names_;
    std::vector<std::vector<std::string_view>> rows_;
};

struct FdUse {
    std::uint64_t inotify_watches = 0, epoll_watches = 0;
    std::uint64_t in_flight = 0;  // descriptors sent to this socket and not received yet
};
FdUse parse_fd_use(std::string_view) noexcept;

/// "ipc:[4026531839]" and where it is kept by a bind mount, from /proc/PID/mountinfo.
std::vector<std::pair<std::string, std::string>> namespace_mounts(std::string_view mountinfo);

/// The path of this process's group: of the controller, or of the unified hierarchy for "".
std::optional<std::string> cgroup_path(std::string_view cgroup, std::string_view controller);
/// Where a cgroup hierarchy is mounted: that of the controller (version 1), or the unified one for "".
std::optional<std::string> cgroup_mount(std::string_view mountinfo, std::string_view controller);

}  // namespace wye::sys
