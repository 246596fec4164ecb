// What the kernel counts and refuses to go beyond: one table of it. `wye limits`, `wye limits probe`, `wye explain` and
// docs/limits.md read this table and know no limit by its name.
#pragma once
#include "wye/base/error.hpp"

#include "os/limits/stage.hpp"
#include "os/usage/usage.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wye::sys {

/// Who shares one count.
enum class Scope : std::uint8_t { system, ipc, net, pid, user, process, cgroup, mount, object, call };
std::string_view name(Scope) noexcept;

enum class Unit : std::uint8_t { count, bytes, pages };

/// What a program gets when the limit is reached.
struct Fault {
    const char* call;    // "semget"
    const char* gives;   // "ENOSPC", "SIGBUS"; "" where there is no error, and the remark says what happens instead
    const char* remark;  // what the message does not say
    const char* source;  // the manual page that says so; "measured" where none does
    /// Whether the trial of this limit shows it. What needs another machine, or would harm this one, is only told.
    bool shown = true;
};

/// Where the ceiling stands: the n-th number of a file, a resource limit, or a constant of the kernel.
struct Ceiling {
    const char* file = nullptr;
    unsigned field = 0;
    const char* rlimit = nullptr;  // its line in /proc/PID/limits
    int resource = -1;             // RLIMIT_*
    std::uint64_t fixed = 0;
    std::string text() const;                   // "kernel.sem, number 4"
    std::optional<std::uint64_t> here() const;  // of this process, in the calling thread's namespaces
};

struct Share {
    uid_t user = 0;
    std::uint64_t used = 0;
    std::string what;  // "9 queues", "pid 900 nginx": written by others, not escaped
};

/// One count of a limit: of one namespace, one user, one process ...
struct Reading {
    std::string where;                           // "ipc:[4026531839]", "pid 900 nginx"; not escaped
    std::optional<uid_t> user;                   // of a user's or a process's
    std::optional<std::uint64_t> used, ceiling;  // absent: not exported; ceiling no_ceiling: none is set
    std::vector<Share> shares;                   // who uses how much of it, most first; empty where nobody can tell
    std::string note;                            // why something is absent here
    double part() const noexcept;                // used of ceiling; -1 where it cannot be said
};

/// What was seen of the machine before the table is gone through.
struct View {
    const Usage& usage;
    std::string ipc, net;  // the namespaces that are looked at now
};

struct Limit {
    const char* name;
    const char* title;  // "semaphore sets"
    Scope scope;
    Unit unit;
    Ceiling ceiling;
    const char* use;  // how the present use is known; where it is not exported, why
    std::vector<Reading> (*read)(const View&, const Limit&);  // null: nothing is used up
    Fault faults[4];
    const char* remedy;
    Trial trial;

    std::span<const Fault> errors() const noexcept;
};

std::span<const Limit> limits() noexcept;
/// By its name, whatever the case; null when there is none.
const Limit* find_limit(std::string_view name) noexcept;

struct Entry {
    const Limit* limit;
    Reading reading;
};
struct Survey {
    std::vector<Entry> entries;
    unsigned processes = 0, unreadable = 0;
    unsigned ipc_seen = 0, ipc_all = 0, net_seen = 0, net_all = 0;
    bool partial() const noexcept;  // of what was asked for
};

/// Every limit's present use. Changes nothing and creates nothing. `all_namespaces`: the other ipc and net namespaces
/// too, as far as this user may enter them.
Result<Survey> survey(bool all_namespaces);

}  // namespace wye::sys
