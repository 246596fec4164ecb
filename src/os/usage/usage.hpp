// What processes use of what the kernel limits, in one pass over /proc: sums that the kernel keeps to itself.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace wye::sys {

struct ProcessUse {
    pid_t pid = 0;
    uid_t user = 0;  // real
    std::string name;
    std::uint64_t threads = 1;
    std::uint64_t pipes = 0, inotify = 0, inotify_watches = 0, epoll_watches = 0, in_flight = 0;  // seen here first
    std::optional<std::uint64_t> locked;             // bytes; absent in threads of the kernel
    std::optional<std::uint64_t> descriptors, maps;  // absent where this user may not look
    std::string limits;                              // the text of /proc/PID/limits
};

/// Of what is charged to a user, not to a process.
struct UserUse {
    std::uint64_t threads = 0, signals = 0;
    std::uint64_t pipes = 0, inotify = 0, inotify_watches = 0, epoll_watches = 0, in_flight = 0;
};

/// A namespace, as /proc names it ("ipc:[4026531839]"), and a path that leads into it.
struct Namespace {
    std::string name, path;
};

struct Usage {
    std::vector<ProcessUse> processes;
    std::map<uid_t, UserUse> users;
    std::vector<Namespace> ipc, net;  // the first is our own
    unsigned unreadable = 0;          // processes whose descriptors this user may not see

    /// The smallest soft limit of this user's processes: the first of them to be refused.
    std::optional<std::uint64_t> least_limit(uid_t, std::string_view title) const;
};

/// Reads only: opens no object, and no descriptor of another process again. A process that ends meanwhile is not in it.
Result<Usage> look_at_usage();

}  // namespace wye::sys
