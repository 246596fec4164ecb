// The pass over /proc: every process's descriptors, shared maps, and what its threads sleep in. proc(5).
#include "wye/os/fd.hpp"

#include "os/snapshot/again.hpp"
#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"
#include "os/snapshot/words.hpp"

#include <sys/sem.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

namespace wye::sys {

namespace {

// The page of the old calls comes last in every process's maps, at an address where nothing else can be (x86-64): a
// call less to hear of the end. A file's name cannot pass for it, for a line break in one is escaped.
bool ends_maps(std::string_view text) noexcept {
    if (!text.ends_with(" [vsyscall]\n")) return false;
    text.remove_suffix(1);
    return text.substr(text.rfind('\n') + 1).starts_with("ffffffffff600000-");
}

}  // namespace

std::string_view Reader::read(int dir, const char* name, bool whole) {
    const long r = sys::openat(dir, name, O_RDONLY);
    error_ = std::min(r, 0L);
    if (r < 0) return {};
    const Fd fd(static_cast<int>(r));
    std::size_t have = 0;
    for (;;) {
        if (have == room_.size()) room_.resize(have * 2);
        const long n = sys::read(fd.get(), room_.data() + have, room_.size() - have);
        if (n == -EINTR) continue;
        if (n < 0) error_ = n;
        if (n > 0) have += static_cast<std::size_t>(n);
        if (whole && ends_maps({room_.data(), have})) return {room_.data(), have};
        if (n <= 0 || (!whole && have < room_.size())) return {room_.data(), have};
    }
}

namespace {

constexpr std::uint64_t most_operations = 64;  // of one semop(2) that are looked at

// A number as a name: "4711", or "task/4711/syscall".
class Name {
public:
    Name(const char* before, std::int64_t number, const char* after = "") noexcept {
        char* p = copy(text_, before);
        p = std::to_chars(p, p + 20, number).ptr;
        *copy(p, after) = 0;
    }
    operator const char*() const noexcept { return text_; }

private:
    static char* copy(char* to, const char* from) noexcept {
        while (*from) *to++ = *from++;
        return to;
    }
    char text_[48];
};

Fd directory(int at, const char* name) noexcept {
    const long r = sys::openat(at, name, O_RDONLY | O_DIRECTORY);
    return Fd(r < 0 ? -1 : static_cast<int>(r));
}

// The pipes are all on one file system that nobody can mount, and so are the sockets: its number is asked for once.
void look_at_target(Snapshot& s, int fds, const char* name, SeenFd& f) {
    const auto pipe = bracketed(f.target, "pipe"), socket = bracketed(f.target, "socket");
    auto& dev = pipe ? s.pipe_dev : s.socket_dev;
    if ((pipe || socket) && dev != 0) {
        f.file.key = {dev, pipe ? *pipe : *socket};
        f.file.mode = pipe ? type_fifo : type_socket;
        return;
    }
    if (f.target.starts_with("anon_inode:")) return;
    if (look(fds, name, 0, f.file) == 0 && (pipe || socket)) dev = f.file.key.dev;
}

// What it may be used for, which the permissions of the link say; fdinfo has more and costs three calls for one. That
// is read for an eventfd, whose number stands nowhere else; for the locks and what lies in a socket where there are
// any, by take_locks() and take_in_flight(); and for every file's locks where the table of them does not have all.
void look_at_rights(const Snapshot& s, Reader& reader, int task, int fds, const char* name, SeenFd& f) {
    const bool file =
        f.file.is(type_regular) || f.file.is(type_directory) || (f.file.is(type_fifo) && f.file.key.dev != s.pipe_dev);
    if (f.target == "anon_inode:[eventfd]" || (file && s.own.hides_locks))
        return f.info = parse_fdinfo(reader.piece(task, Name("fdinfo/", f.fd))), void();
    f.info.flags = O_RDWR;
    FileFacts link;
    if ((f.file.is(type_fifo) || f.file.is(type_regular)) && look(fds, name, AT_SYMLINK_NOFOLLOW, link) == 0)
        f.info.flags = (link.mode & S_IWUSR) == 0 ? O_RDONLY : (link.mode & S_IRUSR) == 0 ? O_WRONLY : O_RDWR;
}

// 0, or why they could not be read.
long take_fds(Snapshot& s, Reader& reader, int task, SeenProcess& p, std::int32_t tid = 0) {
    const long r = sys::openat(task, "fd", O_RDONLY | O_DIRECTORY);
    if (r < 0) return r;
    const Fd fds(static_cast<int>(r));
    long wrong = 0;
    const bool all = each_name(fds.get(), [&](const char* name, std::uint8_t) {
        if (wrong != 0) return;
        SeenFd f{.tid = tid};
        char target[4096];
        const long n = sys::readlinkat(fds.get(), name, target, sizeof target);
        if (n == -EACCES || n == -EPERM) wrong = n;
        if (n < 0 || !Words::number(name, f.fd)) return;  // closed since
        f.target.assign(target, static_cast<std::size_t>(n));
        look_at_target(s, fds.get(), name, f);
        look_at_rights(s, reader, task, fds.get(), name, f);
        p.fds.push_back(std::move(f));
    });
    return all ? wrong : -ESRCH;
}

// A text in another's memory; empty where it cannot be read. What follows it may not be there.
std::string text_at(std::int32_t pid, std::uint64_t at) {
    char text[4096];
    const std::size_t page = sizeof text - at % sizeof text;
    long n = read_memory_of(pid, at, text, sizeof text);
    if (n < 0) n = read_memory_of(pid, at, text, page);
    const std::string_view read(text, n < 0 ? 0 : static_cast<std::size_t>(n));
    return std::string(read.substr(0, read.find('\0')));
}

// What that process means by a path.
std::optional<FileFacts> look_as(int process, std::int32_t from, const std::string& path) {
    FileFacts f;
    if (path.starts_with('/')) {
        const Fd top = directory(process, "root");
        if (top == nullptr) return {};
        const long r = open_path_below(top.get(), path.c_str());
        if (r < 0) return {};
        const Fd there(static_cast<int>(r));
        return look(there.get(), "", AT_EMPTY_PATH, f) == 0 ? std::optional(f) : std::nullopt;
    }
    const Fd start = from == AT_FDCWD ? directory(process, "cwd") : directory(process, Name("fd/", from));
    if (start == nullptr || look(start.get(), path.c_str(), 0, f) < 0) return {};
    return f;
}

// Who sleeps in open(2) of a FIFO has no descriptor yet: the path is in its memory, and is only looked at.
void take_opening(int process, std::int32_t pid, Blocked& b) {
    b.path = text_at(pid, b.args[1]);
    if (b.path.empty()) return;
    const auto f = look_as(process, static_cast<std::int32_t>(b.args[0]), b.path);
    if (f && f->is(type_fifo)) b.opening = f;
}

// Which semaphores it waits for, its own memory says.
void take_operations(std::int32_t pid, Blocked& b) {
    sembuf ops[most_operations];
    const auto n = std::min<std::uint64_t>(b.args[2], most_operations);
    const long r = read_memory_of(pid, b.args[1], ops, n * sizeof *ops);
    if (r > 0) b.ops = parse_semaphore_ops(std::as_bytes(std::span(ops)).first(static_cast<std::size_t>(r)));
}

void take_call(Reader& reader, int process, std::int32_t tid, SeenProcess& p) {
    auto b = parse_syscall(tid == p.pid ? reader.piece(process, "syscall")
                                        : reader.piece(process, Name("task/", tid, "/syscall")));
    if (reader.error() == -EPERM || reader.error() == -EACCES || (reader.error() == -ENOENT && tid == own_pid()))
        p.calls_told = false;
    if (!b) return;
    b->tid = tid;
    if (b->in == SleepsIn::open) take_opening(process, p.pid, *b);
    if (b->in == SleepsIn::semop) take_operations(p.pid, *b);
    if (b->in == SleepsIn::open && !b->opening) return;
    p.blocked.push_back(std::move(*b));
}

// Threads share their descriptors, unless they were made otherwise: those are asked for theirs.
void take_threads(Snapshot& s, Reader& reader, int process, std::uint64_t threads, SeenProcess& p) {
    take_call(reader, process, p.pid, p);
    if (threads < 2) return;
    const Fd tasks = directory(process, "task");
    if (tasks == nullptr) return;
    each_name(tasks.get(), [&](const char* name, std::uint8_t) {
        std::int32_t tid = 0;
        if (std::from_chars(name, name + 12, tid).ec != std::errc() || tid == p.pid) return;
        take_call(reader, process, tid, p);
        if (kcmp(p.pid, tid, KCMP_FILES) <= 0) return;
        const Fd task = directory(tasks.get(), name);
        if (task != nullptr) (void)take_fds(s, reader, task.get(), p, tid);
    });
}

void take_namespaces_of(int process, SeenProcess& p) noexcept {
    FileFacts f;
    if (look(process, "ns/ipc", 0, f) == 0) p.ns.ipc = f.key.ino;
    if (look(process, "ns/net", 0, f) == 0) p.ns.net = f.key.ino;
    if (look(process, "ns/mnt", 0, f) == 0) p.ns.mnt = f.key.ino;
    if (look(process, "ns/pid", 0, f) == 0) p.ns.pid = f.key.ino;
}

struct Shape {  // of a process's memory
    std::uint64_t memory, resident, stack;
    bool operator==(const Shape&) const = default;
};

void take_process(Snapshot& s, Reader& reader, int proc, const char* name, std::map<std::int32_t, Shape>& shapes,
                  Before* before) {
    const Fd process = directory(proc, name);
    if (process == nullptr) return;  // it has gone
    const auto stat = parse_stat(reader.piece(process.get(), "stat"));
    if (!stat || stat->kernel_thread || stat->state == 'Z' || stat->state == 'X') return;
    SeenProcess p{.pid = stat->pid, .parent = stat->parent, .start = stat->start, .comm = stat->comm};
    if (before) p.ran = how_they_ran(reader, process.get(), p.pid, stat->threads);
    const auto status = parse_status(reader.piece(process.get(), "status"));
    p.threads = stat->threads, p.uid = status.uid, p.effective = status.effective, p.inner = status.inner,
    p.signals = status.signals;
    take_namespaces_of(process.get(), p);
    const long wrong = take_fds(s, reader, process.get(), p);
    if (wrong == -ENOENT || wrong == -ESRCH) return;  // it has gone, too
    p.readable = wrong == 0;
    const Shape shape{stat->memory, stat->resident, stat->stack};
    const auto parent = shapes.find(p.parent);
    // Of a parent that was seen earlier the shape is not known.
    const bool alike = parent == shapes.end() ? before && before->was_still(p.parent) : parent->second == shape;
    p.shares_map = alike && kcmp(p.pid, p.parent, KCMP_VM) == 0;
    shapes.emplace(p.pid, shape);
    if (p.readable && !p.shares_map) {
        parse_maps(reader.whole(process.get(), "maps"), p.maps);
        p.readable = reader.error() == 0 || reader.error() == -ESRCH;
    }
    if (p.readable) take_threads(s, reader, process.get(), stat->threads, p);
    s.processes.push_back(std::move(p));
}

}  // namespace

void take_processes(Snapshot& s, Reader& reader, Snapshot* earlier) {
    const Fd proc = directory(AT_FDCWD, "/proc");
    if (proc == nullptr) return s.blind.emplace_back("/proc cannot be read"), void();
    std::map<std::int32_t, Shape> shapes;
    std::optional<Before> before;
    if (earlier) {
        s.looks = earlier->looks + 1;
        s.pipe_dev = earlier->pipe_dev, s.socket_dev = earlier->socket_dev;
        before.emplace(*earlier);
    }
    each_name(proc.get(), [&](const char* name, std::uint8_t) {
        std::int32_t pid = 0;
        if (!Words::number(name, pid)) return;
        auto still = before ? before->still(reader, proc.get(), pid) : std::nullopt;
        if (still)
            s.processes.push_back(std::move(*still));
        else
            take_process(s, reader, proc.get(), name, shapes, before ? &*before : nullptr);
    });
    // Of a mount with hidepid the first process is not shown either.
    s.all_listed = std::ranges::find(s.processes, 1, &SeenProcess::pid) != s.processes.end();
    if (!s.all_listed) s.blind.emplace_back("other users' processes, which /proc hides");
    const auto mute = std::ranges::count_if(s.processes, [](const auto& p) { return p.readable && !p.calls_told; });
    if (mute != 0) s.blind.push_back("what " + std::to_string(mute) + " processes sleep in");
}

}  // namespace wye::sys
