// The pass over /proc: every process's descriptors, shared maps, and what its threads sleep in. proc(5).
#include "wye/os/fd.hpp"

#include "os/processors.hpp"
#include "os/snapshot/again.hpp"
#include "os/snapshot/crew.hpp"
#include "os/snapshot/name.hpp"
#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"
#include "os/snapshot/words.hpp"

#include <sys/sem.h>

#include <algorithm>
#include <thread>

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
    Fd fd(static_cast<int>(r));
    const auto text = read(fd.get(), whole);
    done(std::move(fd));
    return text;
}

std::string_view Reader::read(int fd, bool whole) {
    std::size_t have = 0;
    for (;;) {
        if (have == room_.size()) room_.resize(have * 2);
        const long n = sys::read(fd, room_.data() + have, room_.size() - have);
        if (n == -EINTR) continue;
        if (n < 0) error_ = n;
        if (n > 0) have += static_cast<std::size_t>(n);
        if (whole && ends_maps({room_.data(), have})) return {room_.data(), have};
        if (n <= 0 || (!whole && have < room_.size())) return {room_.data(), have};
    }
}

namespace {

constexpr std::uint64_t most_operations = 64;  // of one semop(2) that are looked at

Fd directory(int at, const char* name) noexcept {
    const long r = sys::openat(at, name, O_RDONLY | O_DIRECTORY);
    return Fd(r < 0 ? -1 : static_cast<int>(r));
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
std::optional<FileFacts> look_as(ProcessDir process, std::int32_t from, const std::string& path) {
    FileFacts f;
    if (path.starts_with('/')) {
        const Fd top = directory(process.dir, process("root"));
        if (top == nullptr) return {};
        const long r = open_path_below(top.get(), path.c_str());
        if (r < 0) return {};
        const Fd there(static_cast<int>(r));
        return look(there.get(), "", AT_EMPTY_PATH, f) == 0 ? std::optional(f) : std::nullopt;
    }
    const Fd start =
        from == AT_FDCWD ? directory(process.dir, process("cwd")) : directory(process.dir, process(Name("fd/", from)));
    if (start == nullptr || look(start.get(), path.c_str(), 0, f) < 0) return {};
    return f;
}

// Who sleeps in open(2) of a FIFO has no descriptor yet: the path is in its memory, and is only looked at.
void take_opening(ProcessDir process, std::int32_t pid, Blocked& b) {
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

void take_call(Reader& reader, ProcessDir process, std::int32_t tid, SeenProcess& p) {
    auto b = parse_syscall(
        reader.piece(process.dir, process(tid == p.pid ? Name("", "syscall") : Name("task/", tid, "/syscall"))));
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
void take_threads(Eyes& e, ProcessDir process, std::uint64_t threads, SeenProcess& p) {
    take_call(e.reader, process, p.pid, p);
    const bool ours = e.reader.leaves_open && p.pid == own_pid();  // then all others are helpers
    if (threads < 2 || ours) return;
    const Fd tasks = directory(process.dir, process("task"));
    if (tasks == nullptr) return;
    each_name(tasks.get(), [&](const char* name, std::uint8_t) {
        std::int32_t tid = 0;
        if (std::from_chars(name, name + 12, tid).ec != std::errc() || tid == p.pid) return;
        take_call(e.reader, process, tid, p);
        if (kcmp(p.pid, tid, KCMP_FILES) <= 0) return;
        const Fd fds = directory(tasks.get(), Name("", tid, "/fd"));
        if (fds != nullptr) (void)take_fds(e, fds.get(), p, tid);
    });
}

// A link's text has the number: to follow it costs twice as much.
std::uint64_t namespace_of(ProcessDir process, const char* link, std::string_view kind) noexcept {
    char text[64];
    const long n = sys::readlinkat(process.dir, process(link), text, sizeof text);
    return n < 0 ? 0 : bracketed({text, static_cast<std::size_t>(n)}, kind).value_or(0);
}

void take_namespaces_of(Eyes& e, ProcessDir process, bool nested, SeenProcess& p) noexcept {
    p.ns.ipc = namespace_of(process, "ns/ipc", "ipc");
    p.ns.net = namespace_of(process, "ns/net", "net");
    p.ns.mnt = namespace_of(process, "ns/mnt", "mnt");
    p.ns.pid = nested || e.listed_pid_ns == 0 ? namespace_of(process, "ns/pid", "pid") : e.listed_pid_ns;
    if (!nested) e.listed_pid_ns = p.ns.pid;
}

// The directory of its descriptors, or where that may not be read its own.
struct Opened {
    Fd dir;
    long wrong = 0;  // why not its descriptors
    const Reader& reader;
    Opened(const Reader& r, int proc, std::int32_t pid) : reader(r) {
        const long fds = sys::openat(proc, Name("", pid, "/fd"), O_RDONLY | O_DIRECTORY);
        wrong = std::min(fds, 0L);
        dir = fds >= 0 ? Fd(static_cast<int>(fds)) : wrong == -ENOENT ? Fd() : directory(proc, Name("", pid));
    }
    ~Opened() { reader.done(std::move(dir)); }
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ProcessDir place() const noexcept { return {dir.get(), wrong == 0 ? "../" : ""}; }
};

// Nullopt where it has gone, or is not one that anything is seen of.
std::optional<SeenProcess> take_process(Eyes& e, int proc, std::int32_t pid, bool again) {
    const Opened opened(e.reader, proc, pid);
    if (opened.dir == nullptr) return {};
    const auto process = opened.place();
    const auto stat = parse_stat(e.reader.piece(process.dir, process("stat")));
    if (!stat || stat->kernel_thread || stat->state == 'Z' || stat->state == 'X') return {};
    SeenProcess p{.pid = stat->pid, .parent = stat->parent, .start = stat->start, .comm = stat->comm};
    if (again) p.ran = how_they_ran(e.reader, process, p.pid, stat->threads);
    const auto status = parse_status(e.reader.piece(process.dir, process("status")));
    p.threads = stat->threads, p.uid = status.uid, p.effective = status.effective, p.inner = status.inner,
    p.signals = status.signals;
    take_namespaces_of(e, process, status.nested || status.inner == 0, p);
    const long wrong = opened.wrong != 0 ? opened.wrong : take_fds(e, process.dir, p);
    if (wrong == -ENOENT || wrong == -ESRCH) return {};
    p.readable = wrong == 0;
    p.shares_map = p.parent > 0 && kcmp(p.pid, p.parent, KCMP_VM) == 0;
    // Whoever has read of a file in memory by a private map, and of nothing else, has some of it resident.
    if (p.readable && !p.shares_map) {
        const long unread = take_maps(e.reader, process.dir, process("maps"), status.in_shmem != 0u, p.maps);
        p.readable = unread == 0 || unread == -ESRCH;
    }
    if (p.readable) take_threads(e, process, stat->threads, p);
    return p;
}

std::vector<std::int32_t> listed(int proc) {
    std::vector<std::int32_t> all;
    each_name(proc, [&](const char* name, std::uint8_t) {
        if (std::int32_t pid = 0; Words::number(name, pid)) all.push_back(pid);
    });
    return all;
}

// A helper with a table of descriptors of its own needs no lock for it, and closes by the dozen. The table begins as a
// copy, and closing a copy of a queue ends this process's own notification, mq_notify(3): so only where it has no queue
// open, and no second thread that could open one meanwhile.
bool helpers_may_part(Reader& reader) {
    const auto own = parse_stat(reader.piece(AT_FDCWD, "/proc/self/stat"));
    const Fd fds = directory(AT_FDCWD, "/proc/self/fd");
    if (!own || own->threads != 1 || fds == nullptr) return false;
    int left = 100;  // more cost more than they save
    bool none = true;
    const bool all = each_name(fds.get(), [&](const char* name, std::uint8_t) {
        int fd = -1;
        none = none && --left > 0 && Words::number(name, fd) && !is_of_queues(fd);
    });
    return all && none;
}

constexpr int kept = 3;  // in a helper's own table: /proc; below it what people read, should anything be said

bool part(int proc) noexcept {
    if (part_descriptors(static_cast<unsigned>(std::max(kept, proc) + 1)) < 0) return false;
    if (proc != kept && dup_to(proc, kept) < 0) return false;
    return close_from(kept + 1) == 0;
}

constexpr std::size_t most_helpers = 4;

// A look like the one before is soon done, and threads would only cost.
std::size_t helpers_for(std::size_t processes, bool again) {
    constexpr std::size_t least_each = 16;
    const auto processors = static_cast<std::size_t>(sys::processors());
    return again ? 0 : std::min({most_helpers, processors, processes / least_each + 1});
}

// The processes that are listed, each by whoever of the crew is free.
class Looking {
public:
    Looking(Snapshot& s, int proc, Snapshot* earlier) : s_(s), proc_(proc) {
        if (earlier) s.looks = earlier->looks + 1, before_.emplace(*earlier);
        eyes_[0] = {.pipe_dev = earlier ? earlier->pipe_dev : 0,
                    .socket_dev = earlier ? earlier->socket_dev : 0,
                    .hides_locks = s.own.hides_locks};
        std::fill(eyes_ + 1, std::end(eyes_), eyes_[0]);
    }
    void take(const std::function<void()>& meanwhile) {
        const auto pids = listed(proc_);
        seen_.resize(pids.size());
        constexpr std::size_t near = 128;
        const bool again = before_ && !before_->nobody();
        const auto helpers = helpers_for(pids.size(), again);
        may_part_ = helpers > 0 && helpers_may_part(eyes_[0].reader);
        const auto look = [&](std::size_t n, std::size_t who) { take_one(pids[n], who, seen_[n]); };
        share_out(pids.size(), helpers, look, pids.size() - std::min(pids.size(), near), meanwhile);
        for (auto& e : eyes_) e.proc = proc_, e.reader.leaves_open = false;
        // Who came meanwhile may have what is gone from those who were listed.
        for (const auto pid : listed(proc_))
            if (!std::ranges::binary_search(pids, pid)) take_one(pid, 0, seen_.emplace_back());
        for (const auto& e : eyes_)
            s_.pipe_dev = std::max(s_.pipe_dev, e.pipe_dev), s_.socket_dev = std::max(s_.socket_dev, e.socket_dev);
        for (auto& p : seen_)
            if (p) s_.processes.push_back(std::move(*p));
        std::ranges::sort(s_.processes, {}, &SeenProcess::pid);
    }

private:
    void take_one(std::int32_t pid, std::size_t who, std::optional<SeenProcess>& into) {
        auto& e = eyes_[who];
        const int proc = proc_of(e);
        if (before_) into = before_->still(e.reader, proc, pid);
        if (!into) into = take_process(e, proc, pid, before_.has_value());
        if (e.reader.leaves_open) (void)close_from(kept + 1);
    }
    // As this thread has it.
    int proc_of(Eyes& e) {
        if (e.proc < 0) {
            e.reader.leaves_open = may_part_ && std::this_thread::get_id() != caller_ && part(proc_);
            e.proc = e.reader.leaves_open ? kept : proc_;
        }
        return e.proc;
    }

    Snapshot& s_;
    const int proc_;
    const std::thread::id caller_ = std::this_thread::get_id();
    bool may_part_ = false;
    Eyes eyes_[most_helpers];
    std::optional<Before> before_;
    std::vector<std::optional<SeenProcess>> seen_;
};

}  // namespace

void take_processes(Snapshot& s, Snapshot* earlier, const std::function<void()>& meanwhile) {
    const Fd proc = directory(AT_FDCWD, "/proc");
    if (proc == nullptr) return s.blind.emplace_back("/proc cannot be read"), void();
    Looking(s, proc.get(), earlier).take(meanwhile);
    // Of a mount with hidepid the first process is not shown either.
    s.all_listed = std::ranges::find(s.processes, 1, &SeenProcess::pid) != s.processes.end();
    if (!s.all_listed) s.blind.emplace_back("other users' processes, which /proc hides");
    const auto mute = std::ranges::count_if(s.processes, [](const auto& p) { return p.readable && !p.calls_told; });
    if (mute != 0) s.blind.push_back("what " + std::to_string(mute) + " processes sleep in");
}

}  // namespace wye::sys
