// The POSIX queues of the ipc namespace that the calling thread is in.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace wye::sys {

struct QueueUse {
    std::string name;
    uid_t user = 0;                                  // whom it is charged to
    bool known = false;                              // the figures below: not without the right to read it
    std::uint64_t most = 0, size = 0, messages = 0;  // room for messages, of so many bytes; in it now

    /// What the kernel charges against RLIMIT_MSGQUEUE, on 64-bit machines: mq_overview(7), getrlimit(2).
    std::uint64_t charged() const noexcept;
};

/// Where this user may mount, through a mount of its own that nobody else sees; else through /dev/mqueue.
Result<std::vector<QueueUse>> look_at_queues();

}  // namespace wye::sys
