// The descendants of a process, as /proc shows them.
#include "process/command/tree.hpp"

#include "wye/base/text.hpp"

#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <algorithm>

namespace wye {
namespace {

// The numbers of "12 13 14 ".
std::vector<int> numbers_in(std::string_view text) {
    std::vector<int> numbers;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (const auto n = parse_number(text.substr(0, end))) numbers.push_back(static_cast<int>(*n));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return numbers;
}

// Field 4 of /proc/PID/stat; the name before it may hold anything, ')' too.
int parent_of(int pid) {
    const auto stat = sys::read_whole("/proc/" + std::to_string(pid) + "/stat");
    if (!stat) return -1;
    const auto after = stat->rfind(')');
    if (after == std::string::npos || after + 4 > stat->size()) return -1;
    const auto rest = std::string_view(*stat).substr(after + 4);  // ") S "
    const auto n = parse_number(rest.substr(0, rest.find(' ')));
    return n ? static_cast<int>(*n) : -1;
}

}  // namespace

void Tree::add_children_of(int parent, std::vector<int>& next) {
    const auto tasks = "/proc/" + std::to_string(parent) + "/task";
    const auto threads = sys::names_in(tasks);
    if (!threads) return;
    for (const auto& thread : *threads) {
        const auto children = sys::read_whole(tasks + "/" + thread + "/children");
        if (!children) continue;
        for (const int pid : numbers_in(*children)) {
            if (std::ranges::find(pids_, pid) == pids_.end()) {
                const long r = sys::pidfd_open(pid);
                if (r < 0) continue;
                Fd pidfd(static_cast<int>(r));
                // The number may have been given to a stranger meanwhile. What still runs after its parent was read is
                // what the number meant then.
                if (parent_of(pid) != parent || sys::pidfd_send_signal(pidfd.get(), 0) < 0) continue;
                pids_.push_back(pid);
                pidfds_.push_back(std::move(pidfd));
            }
            next.push_back(pid);
        }
    }
}

void Tree::look(int root) {
    std::vector<int> level{root};
    // Bounded: a tree that grows as fast as it is looked at has no end.
    for (int depth = 0; depth < 1000 && !level.empty(); ++depth) {
        std::vector<int> next;
        for (const int pid : level) add_children_of(pid, next);
        level = std::move(next);
    }
}

void Tree::signal(int number) const noexcept {
    for (const auto& fd : pidfds_) (void)sys::pidfd_send_signal(fd.get(), number);
}

}  // namespace wye
