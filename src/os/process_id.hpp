// Who a process is, beyond its number, which the kernel gives again; and the proof that it is dead.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wye::sys {

/// One process of one boot of one machine, as a line that can be written down: no two processes have the same, unless
/// a number was used twice within one clock tick (10 ms).
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start = 0;      // clock ticks after boot
    std::uint64_t pid_space = 0;  // inode of the pid namespace that `pid` counts in
    std::string boot;             // boot id of the kernel

    static Result<ProcessId> self();
    std::string text() const;  // "PID START PIDNS BOOT"
    static std::optional<ProcessId> parse(std::string_view);

    enum class Life { alive, dead, unknown };
    /// `dead` only with proof: the kernel was started anew, or there is no such process, or it is a zombie, or another
    /// has its number now. `unknown` from another pid namespace. A file on a network may have been written by another
    /// machine, whose boot proves nothing: `one_machine` false makes another boot `unknown`.
    Life life(bool one_machine) const;
};

/// A descriptor that becomes readable when that process ends; nullopt when it is not there any more, or not visible.
std::optional<Fd> watch_process(pid_t, std::uint64_t start) noexcept;

}  // namespace wye::sys
