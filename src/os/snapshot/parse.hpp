// The texts of /proc and the answers of the kernel's socket diagnosis as data. Pure functions: what does not parse is
// left out, for a process may vanish or a kernel be newer in the middle of any of it.
#pragma once
#include "os/snapshot/snapshot.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace wye::sys {

struct ProcStat {
    std::int32_t pid = 0, parent = 0;
    std::string comm;
    char state = 0;
    bool kernel_thread = false;
    std::uint64_t threads = 0, start = 0, memory = 0, resident = 0, stack = 0;
};
std::optional<ProcStat> parse_stat(std::string_view);

struct ProcStatus {
    std::uint32_t uid = 0, effective = 0;
    std::int32_t inner = 0;
    bool nested = false;                    // it has more numbers than the one that /proc shows
    std::optional<std::uint64_t> in_shmem;  // of its memory, KiB that lie in such files and are there now
    Signals signals;
};
ProcStatus parse_status(std::string_view);

FdInfo parse_fdinfo(std::string_view);

/// Only what can be shared: mapped shared, or of a file that is made for it (`(deleted)` System V and memfd).
void parse_maps(std::string_view, std::vector<SeenMap>&);

/// Of /proc/PID/syscall; nullopt for one that runs, or is not in a call that anybody waits for here.
std::optional<Blocked> parse_syscall(std::string_view);

/// Of a sleeper's memory: as many as are whole.
std::vector<SemaphoreOp> parse_semaphore_ops(std::span<const std::byte>);

std::optional<FileLock> parse_lock(std::string_view line);
std::vector<FileLock> parse_locks(std::string_view);

std::vector<SysvShmRow> parse_sysv_shm(std::string_view);
std::vector<SysvSemRow> parse_sysv_sem(std::string_view);
std::vector<SysvMsgRow> parse_sysv_msg(std::string_view);

/// Paths with their octal escapes undone.
std::vector<Mount> parse_mountinfo(std::string_view);

/// "pipe:[42]" -> 42 for the word "pipe".
std::optional<std::uint64_t> bracketed(std::string_view target, std::string_view word);

/// One datagram of a dump. `error` is the errno that the kernel ends it with.
struct DiagPart {
    bool done = false;
    int error = 0;
};
DiagPart parse_unix_diag(std::span<const std::byte>, std::vector<UnixSocket>&);
DiagPart parse_inet_diag(std::span<const std::byte>, bool udp, std::vector<InetSocket>&);

}  // namespace wye::sys
