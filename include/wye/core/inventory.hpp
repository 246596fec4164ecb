#pragma once
#include "wye/core/mechanism.hpp"

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace wye {

// All interprocess communication that there is on this machine, as far as this process may see: what `wye ls` lists.
// Each room adds what is of its kind (Mechanism::see); the types are the same for all.

/// What an object is, for as long as it is there: never a name, which another may have next, and never an inode alone,
/// which every file system has anew.
struct FileIdentity {
    std::uint64_t dev = 0, ino = 0;
    auto operator<=>(const FileIdentity&) const = default;
};
struct EventIdentity {  ///< eventfd-id: all eventfds share one inode
    std::uint64_t id = 0;
    auto operator<=>(const EventIdentity&) const = default;
};
struct SocketIdentity {  ///< the kernel's cookie, which is not given again
    std::uint64_t net = 0, cookie = 0;
    auto operator<=>(const SocketIdentity&) const = default;
};
struct PortIdentity {  ///< "tcp 127.0.0.1:80 127.0.0.1:4711": both ends of a connection are one object
    std::uint64_t net = 0;
    std::string ends;
    auto operator<=>(const PortIdentity&) const = default;
};
struct SysvIdentity {  ///< with its kind: a set and a queue may have the same id
    std::uint64_t ipc = 0;
    std::int32_t id = 0;
    auto operator<=>(const SysvIdentity&) const = default;
};
struct ProcessIdentity {  ///< what belongs to a process alone: its pending signals
    std::int32_t pid = 0;
    std::uint64_t start = 0;
    auto operator<=>(const ProcessIdentity&) const = default;
};
using Identity = std::variant<FileIdentity, EventIdentity, SocketIdentity, PortIdentity, SysvIdentity, ProcessIdentity>;

/// A process that keeps an object there.
struct Holder {
    std::int32_t pid = 0;
    std::uint64_t start = 0;  ///< clock ticks after boot: pid and start together are one process
    std::string comm;
    std::string_view via;  ///< "fd", "map", "attach", "lock", "pid"
    std::int32_t fd = -1;
    bool reads = false, writes = false;
};

/// A thread that sleeps until something happens to it.
struct Waiter {
    std::int32_t pid = 0, tid = 0;
    std::string comm;
    std::string_view what;       ///< "semop", "msgrcv", "open to read" ...
    std::int32_t part = -1;      ///< which semaphore of a set
    bool timed = false;          ///< it has a deadline, and wakes by itself
    std::uint64_t threads = 1;   ///< of its process
    std::optional<Holder> last;  ///< who changed last what it waits for, and lives: no holder, but likely the one
};

/// One object.
struct Item {
    std::string_view kind;  ///< a scheme, or "memfd", "eventfd", "lock", "lease", "pid-file", "lock-file",
                            ///< "ipc-namespace", "temp-dir"
    std::string name;       ///< for people, as the kernel has it: not escaped
    std::string uri;        ///< what the other verbs know it by; empty where they do not
    Identity identity;
    std::optional<FileIdentity> file;  ///< of its path, where the identity is not that: a bound Unix socket
    std::string_view space;  ///< the kind of namespace it is in: "ipc", "net", "mnt"; empty: of the whole machine
    std::uint64_t ns = 0;    ///< the namespace's inode
    bool own_ns = true;      ///< it is this process's
    std::optional<std::uint32_t> uid, gid;
    std::uint32_t mode = 0;                        ///< permission bits
    std::optional<std::uint64_t> size, allocated;  ///< bytes
    std::string use;                               ///< "5 attaches", "3 of 10 messages"
    Inspection::Facts facts;                       ///< the same and more for programs
    std::int64_t changed = 0;                      ///< nanoseconds since 1970; 0: not known
    std::vector<Holder> holders;
    std::vector<Waiter> waiters;
    std::uint64_t hidden_holders = 0;  ///< holders that the kernel counts and no process shows: out of our sight

    bool held() const noexcept { return !holders.empty() || !waiters.empty() || hidden_holders != 0; }
};

/// How much of the machine was seen.
struct Coverage {
    struct Process {
        std::int32_t pid = 0;
        std::string comm;
    };
    struct Part {
        std::size_t seen = 0, all = 0;
    };
    std::size_t processes = 0;
    std::vector<Process> unreadable;  ///< what they hold is not known
    Part ipc, net, mnt;               ///< namespaces
    std::vector<std::string> blind;   ///< what else could not be looked into
    std::int64_t took = 0;            ///< nanoseconds
    bool whole() const noexcept { return unreadable.empty() && blind.empty(); }
};

struct Inventory {
    std::vector<Item> items;  ///< kind by kind, in the order of the table of means
    Coverage coverage;
};

}  // namespace wye
