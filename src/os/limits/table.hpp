// The table: every limit of what this library is made of, in the order in which it is shown. A row is data; what it is
// read by is in sources.hpp, how it is run into in trials.hpp. An error that no manual page names was measured (Linux
// 6.18). The words of a remark before its first pause are the shortest answer to "but there is room": "not the disk:".
#pragma once
#include "os/limits/limit.hpp"
#include "os/limits/sources.hpp"
#include "os/limits/trials.hpp"
#include "os/syscall.hpp"

namespace wye::sys {

inline constexpr unsigned ipc = CLONE_NEWIPC, net = CLONE_NEWNET, mnt = CLONE_NEWNS, pid = CLONE_NEWPID;
inline constexpr const char* per_call = "bounds one call: nothing is used up";
using Seen = const View&;
using Row = const Limit&;

std::span<const Limit> sysv_limits() noexcept;
std::span<const Limit> queues_limits() noexcept;
std::span<const Limit> process_limits() noexcept;
std::span<const Limit> memory_limits() noexcept;
std::span<const Limit> net_limits() noexcept;

}  // namespace wye::sys
