// For how long a thread has not run.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <optional>
#include <span>
#include <vector>

namespace wye::sys {

struct SleepingThread {
    pid_t pid = 0, tid = 0;
};

/// For each of them the time since it was last on a processor, to some ten milliseconds; nullopt where it has gone, or
/// the kernel does not tell (/proc/PID/sched). One that wakes now and then only to wait again has run since.
///
/// Each processor counts by a clock of its own, so a thread of ours goes to each in turn and reads that clock there.
std::vector<std::optional<std::chrono::nanoseconds>> since_they_ran(std::span<const SleepingThread>);

}  // namespace wye::sys
