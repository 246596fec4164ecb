// What the machine's processes have open, mapped and wait for, and what the kernel keeps beside them: taken in one
// pass, as plain data that the rooms read. Taking it changes nothing: no FIFO, socket or pipe is opened, no object is
// made.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace wye::sys {

/// Which file: neither number alone says it.
struct FileKey {
    std::uint64_t dev = 0, ino = 0;
    auto operator<=>(const FileKey&) const = default;
};

/// What stat(2) knows of a file, by statx(2) without asking a file server.
struct FileFacts {
    FileKey key;
    std::uint32_t mode = 0;  // type and permissions; 0: not known
    std::uint32_t uid = 0, gid = 0;
    std::uint64_t size = 0, allocated = 0;
    std::int64_t changed = 0;  // ctime, nanoseconds since 1970
    bool is(std::uint32_t type) const noexcept { return (mode & 0170000) == type; }
};
inline constexpr std::uint32_t type_fifo = 0010000, type_regular = 0100000, type_socket = 0140000,
                               type_directory = 0040000;

enum class LockKind : std::uint8_t { flock, posix, ofd, lease, other };

/// A line of /proc/locks, or of fdinfo. Its device is the file system's own, which is not always stat's (btrfs).
struct FileLock {
    LockKind kind = LockKind::other;
    bool waits = false, write = false;
    std::int32_t pid = 0;  // 0 or less: not told
    FileKey file;
    std::uint64_t start = 0, end = UINT64_MAX;  // UINT64_MAX: to the end of the file
    std::string state;                          // of a lease: "ACTIVE", "BREAKING"
};

/// What /proc/PID/fdinfo/FD says, as far as it is of use here.
struct FdInfo {
    std::uint32_t flags = 0;  // of open(2); where fdinfo was not read, only whether it reads or writes
    bool eventfd_semaphore = false;
    std::optional<std::uint64_t> eventfd_id;
    std::uint64_t eventfd_count = 0;
    std::uint64_t in_flight = 0;  // descriptors that lie unread in this socket
    std::vector<FileLock> locks;
    bool reads() const noexcept { return (flags & 3) != 1; }
    bool writes() const noexcept { return (flags & 3) != 0; }
};

struct SeenFd {
    int fd = -1;
    std::int32_t tid = 0;  // of a thread with descriptors of its own
    FileFacts file;        // of anonymous inodes (eventfd, epoll) nothing is known, for they share one
    std::string target;    // "pipe:[42]", "/tmp/f (deleted)"; may be empty for a device
    FdInfo info;
};

/// A piece of a process's memory that others may share.
struct SeenMap {
    std::uint64_t start = 0, end = 0, offset = 0;
    bool write = false, shared = false;
    FileKey file;
    std::string name;
};

/// What a thread sleeps in, where the kernel lets us see it.
enum class SleepsIn : std::uint8_t {
    other,
    semop,
    msgsnd,
    msgrcv,
    mq_send,
    mq_receive,
    futex,
    open,
    flock,
    fcntl,
    read,
    write,
    count_
};
struct SemaphoreOp {  // of semop(2)
    std::uint16_t member = 0;
    std::int16_t change = 0;
    bool operator==(const SemaphoreOp&) const = default;
};
struct Blocked {
    std::int32_t tid = 0;
    SleepsIn in = SleepsIn::other;
    bool timed = false;                // it gave the call a deadline, and wakes by itself
    std::uint64_t args[6] = {};        // open(2) as openat(2) has them
    std::vector<SemaphoreOp> ops;      // of semop(2), where its memory may be read
    std::optional<FileFacts> opening;  // the FIFO whose other end it waits for in open(2)
    std::string path;                  // as it called it
};

struct Signals {
    std::uint64_t queued = 0, limit = 0;  // of its user
    std::uint64_t pending = 0, shared = 0, blocked = 0, caught = 0;
};

/// How long and how often a thread was on a processor.
struct Ran {
    std::int32_t tid = 0;
    std::uint64_t time = 0, times = 0;
    bool operator==(const Ran&) const = default;
};

struct SeenProcess {
    std::int32_t pid = 0, parent = 0;
    std::uint64_t start = 0;  // clock ticks after boot
    std::uint32_t uid = 0, effective = 0;
    std::int32_t inner = 0;  // its number in its own pid namespace; 0: not told
    std::string comm;
    bool readable = false;    // its descriptors and maps
    bool calls_told = true;   // what its threads sleep in, which asks for more rights
    bool shares_map = false;  // its memory is its parent's (vfork): counted there
    std::uint64_t threads = 1;
    struct {
        std::uint64_t ipc = 0, net = 0, mnt = 0, pid = 0;  // inodes; 0: not told
    } ns;
    std::vector<SeenFd> fds;
    std::vector<SeenMap> maps;
    std::vector<Blocked> blocked;
    Signals signals;
    std::vector<Ran> ran;  // each thread, where the snapshot is to be taken again; empty: not told
};

/// System V objects, as /proc/sysvipc lists them. Times are seconds since 1970, 0 for never.
struct SysvObject {
    std::int32_t key = 0, id = 0;
    std::uint32_t mode = 0, uid = 0, gid = 0, cuid = 0;
    std::int64_t changed = 0;
};
struct SysvShmRow : SysvObject {
    std::uint64_t size = 0, attaches = 0, resident = 0, swapped = 0;
    std::int32_t creator = 0, last = 0;
    std::int64_t attached = 0, detached = 0;
    bool removed() const noexcept { return (mode & 01000) != 0; }
};
struct SysvSemRow : SysvObject {
    std::uint64_t members = 0;
    std::int64_t operated = 0;
    struct Member {
        std::uint16_t number = 0, value = 0;
        std::int32_t last = 0;  // who changed it last; 0: not told
    };
    std::vector<Member> awaited;  // those that a thread sleeps for, where the set may be read
    const Member* member(std::uint16_t n) const noexcept {
        for (const auto& m : awaited)
            if (m.number == n) return &m;
        return nullptr;
    }
};
struct SysvMsgRow : SysvObject {
    std::uint64_t bytes = 0, messages = 0;
    std::int32_t last_sender = 0, last_receiver = 0;
    std::int64_t sent = 0, received = 0;
};

/// A file below a directory that was looked through.
struct Found {
    std::string path;  // below the directory, or whole (Snapshot::places)
    FileFacts file;
    std::string head;  // the first bytes, where they were asked for and may be read
};

struct MessageQueue : Found {
    std::uint64_t depth = 0, size = 0, messages = 0;  // depth 0: may not be read
};

struct IpcNamespace {
    std::uint64_t ino = 0;
    bool seen = false, queues_seen = false;
    bool empty = false;  // no process is in it: a mount or a descriptor keeps it
    std::string way;     // where it is mounted; empty: a process leads there
    std::vector<SysvShmRow> shm;
    std::vector<SysvSemRow> sem;
    std::vector<SysvMsgRow> msg;
    std::vector<MessageQueue> queues;
};

struct UnixSocket {
    std::uint64_t ino = 0, cookie = 0, peer = 0;
    std::uint8_t type = 0, state = 0;     // SOCK_*, TCP_*
    std::string name;                     // as it was bound: a leading zero byte where it is abstract
    FileKey file;                         // of its path, where it has one (the device as the kernel counts it)
    std::vector<std::uint64_t> waiting;   // of a listener: clients that nobody has accepted
    std::uint64_t receive = 0, send = 0;  // of a listener: waiting, and the backlog
    std::optional<std::uint32_t> uid;
};

struct InetEnd {
    std::uint8_t address[16] = {};
    std::uint16_t port = 0;
    bool operator==(const InetEnd&) const = default;
};
struct InetSocket {
    bool udp = false, v6 = false;
    std::uint8_t state = 0;
    InetEnd local, remote;
    std::uint64_t ino = 0, cookie = 0;
    std::uint64_t receive = 0, send = 0;
    std::uint32_t uid = 0, device = 0;
};
inline constexpr std::uint8_t state_established = 1, state_listen = 10, state_closed = 7;

struct NetNamespace {
    std::uint64_t ino = 0;
    bool seen = false, empty = false;
    std::vector<UnixSocket> unix_sockets;
    std::vector<InetSocket> inet_sockets;
};

/// A tmpfs where POSIX shared memory lies. One that several mount namespaces have is listed once.
struct SharedMemoryPlace {
    std::uint64_t dev = 0, mnt = 0;
    std::string path;  // where it was looked into: "/dev/shm", "/proc/77/root/dev/shm"
    std::vector<Found> files;
};

/// A line of mountinfo.
struct Mount {
    std::uint64_t dev = 0;
    std::string root, point, type;
};

/// The first ones of a machine have inodes of their own (the kernel's proc_ns.h).
inline constexpr std::uint64_t first_ipc = 0xEFFFFFFF, first_pid = 0xEFFFFFFC;

struct Snapshot {
    struct {
        std::uint64_t ipc = 0, net = 0, mnt = 0, pid = 0;
        std::uint32_t uid = 0;
        bool hides_locks = false;  // from a pid namespace /proc/locks hides what was locked outside
    } own;
    std::vector<SeenProcess> processes;  // without kernel threads and the dead
    std::vector<IpcNamespace> ipc;
    std::vector<NetNamespace> net;
    std::vector<SharedMemoryPlace> shm;
    std::size_t mnt_total = 0, mnt_seen = 0;
    std::vector<FileLock> locks;
    std::vector<Mount> mounts;  // of this mount namespace
    std::vector<Found> places;  // sockets, FIFOs, pid and lock files in the usual directories of this mount namespace
    bool all_listed = true;     // /proc shows other users' processes, too
    std::size_t stray_sockets = 0;  // Unix sockets that processes have, of network namespaces that were not found
    std::uint64_t pipe_dev = 0, socket_dev = 0, namespace_dev = 0;
    std::vector<std::string> blind;  // what could not be looked into, in words
    std::int64_t taken = 0;          // nanoseconds since 1970
    std::int64_t booted = 0;         // likewise; what SeenProcess::start counts from, 10 ms a tick
    std::int64_t took = 0;           // nanoseconds
    std::uint64_t calls = 0;         // system calls
    std::uint32_t looks = 0;         // how often it was taken again

    struct Use {
        std::uint32_t process = 0, index = 0;  // of processes, and of its fds, maps or sleepers
    };
    /// Who has this file open, and who has it mapped.
    std::span<const Use> open_at(FileKey) const noexcept;
    std::span<const Use> mapped_at(FileKey) const noexcept;
    std::span<const Use> socket_at(std::uint64_t ino) const noexcept { return open_at({socket_dev, ino}); }
    /// Who sleeps in this call; and who sleeps in any call on a descriptor of this file.
    std::span<const Use> asleep(SleepsIn in) const noexcept { return asleep_[static_cast<std::size_t>(in)]; }
    std::span<const Use> asleep_at(FileKey) const noexcept;
    const SeenProcess* process(std::int32_t pid) const noexcept;

    const SeenFd& fd(Use u) const noexcept { return processes[u.process].fds[u.index]; }
    const SeenMap& map(Use u) const noexcept { return processes[u.process].maps[u.index]; }
    const Blocked& sleeper(Use u) const noexcept { return processes[u.process].blocked[u.index]; }

    /// Fills what the questions above are answered from.
    void index();

private:
    void index_sleeper(Use);
    struct Hash {
        std::size_t operator()(const FileKey& k) const noexcept { return k.ino * 0x9e3779b97f4a7c15u ^ k.dev; }
    };
    using Uses = std::unordered_map<FileKey, std::vector<Use>, Hash>;
    Uses open_, mapped_, asleep_at_;
    std::vector<Use> asleep_[static_cast<std::size_t>(SleepsIn::count_)];
    std::unordered_map<std::int32_t, std::uint32_t> by_pid_;
};

/// Everything that this process may see. Nothing that it may not see is an error: what is missing is said in the
/// snapshot (`readable`, `seen`, `blind`). Threads: enters other namespaces in a thread of its own, which it awaits.
Snapshot take_snapshot();
/// The same for who looks again and again, with what was seen the last time, or with nothing: of processes that have
/// not run since, only what others can change is read. One that shares its descriptors with a process that is no thread
/// of it is seen as it is at every sixteenth look at the latest.
Snapshot take_snapshot(Snapshot before);

}  // namespace wye::sys
