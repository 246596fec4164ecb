// Names that stand for what processes share: in /dev/shm of each mount namespace, in the queues' directories, in /run
// and /tmp. Looked at, and of regular files a few bytes read; nothing else is opened.
#include "wye/os/fd.hpp"

#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"

#include <dirent.h>

#include <algorithm>

namespace wye::sys {
namespace {

constexpr int deepest = 3;                // directories below /dev/shm
constexpr std::size_t most_places = 300;  // directories of /run and /tmp that are looked through

Fd directory(int at, const char* name) noexcept {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
    long r = sys::openat(at, name, flags | O_NOATIME);
    if (r == -EPERM) r = sys::openat(at, name, flags);  // another's
    return Fd(r < 0 ? -1 : static_cast<int>(r));
}

// Of a regular file, and of nothing that takes its place meanwhile: a FIFO would be opened. Its atime stays.
std::string head_of(int dir, const char* name) {
    const long path = sys::openat(dir, name, O_PATH | O_NOFOLLOW);
    if (path < 0) return {};
    const Fd there(static_cast<int>(path));
    FileFacts f;
    if (look(there.get(), "", AT_EMPTY_PATH, f) < 0 || !f.is(type_regular)) return {};
    const auto self = "/proc/self/fd/" + std::to_string(there.get());
    const long r = sys::open(self.c_str(), O_RDONLY | O_NOATIME | O_NONBLOCK);
    if (r < 0) return {};
    const Fd fd(static_cast<int>(r));
    char room[64];
    const long n = sys::pread(fd.get(), room, sizeof room, 0);
    return {room, n < 0 ? 0 : static_cast<std::size_t>(n)};
}

void take_shm_files(Snapshot& s, int dir, const std::string& below, int depth, SharedMemoryPlace& place) {
    each_name(dir, [&](const char* name, std::uint8_t type) {
        Found f{.path = below + name, .file = {}, .head = {}};
        if (look(dir, name, AT_SYMLINK_NOFOLLOW, f.file) < 0 || f.file.key.dev != place.dev) return;
        if (type == DT_DIR && depth < deepest) {
            const Fd next = directory(dir, name);
            if (next != nullptr)
                take_shm_files(s, next.get(), f.path + "/", depth + 1, place);
            else
                s.blind.push_back(place.path + "/" + f.path);
        }
        if (!f.file.is(type_regular)) return;
        if (std::string_view(name).starts_with("sem.")) f.head = head_of(dir, name);
        place.files.push_back(std::move(f));
    });
}

// Seen as the process at `root` sees it. A file system that was looked through already is not looked through again.
void take_shm_place(Snapshot& s, std::uint64_t mnt, const std::string& path, std::uint64_t dev) {
    if (std::ranges::any_of(s.shm, [&](const auto& p) { return p.dev == dev; })) return;
    const Fd top = directory(AT_FDCWD, path.c_str());
    if (top == nullptr) return;
    FileFacts f;
    if (look(top.get(), "", AT_EMPTY_PATH, f) < 0 || f.key.dev != dev) return;  // another lies over it
    take_shm_files(s, top.get(), "", 0,
                   s.shm.emplace_back(SharedMemoryPlace{.dev = dev, .mnt = mnt, .path = path, .files = {}}));
}

void take_mounts_of(Snapshot& s, Reader& reader, const SeenProcess& p, Ways& ipc, Ways& net) {
    const auto process = "/proc/" + std::to_string(p.pid);
    auto all = parse_mountinfo(reader.whole(AT_FDCWD, (process + "/mountinfo").c_str()));
    if (!all.empty()) ++s.mnt_seen;
    const auto root = p.ns.mnt == s.own.mnt ? std::string() : process + "/root";
    for (const auto& m : all) {
        if (m.type == "tmpfs" && m.point == "/dev/shm") take_shm_place(s, p.ns.mnt, root + m.point, m.dev);
        if (m.type != "nsfs") continue;
        if (const auto ino = bracketed(m.root, "ipc")) ipc.try_emplace(*ino, root + m.point);
        if (const auto ino = bracketed(m.root, "net")) net.try_emplace(*ino, root + m.point);
    }
    if (p.ns.mnt == s.own.mnt) s.mounts = std::move(all);
}

// "a.pid", "a.lock", "/tmp/.X0-lock", "LCK..ttyS0".
bool is_place(std::string_view name, std::uint8_t type) {
    return type == DT_SOCK || type == DT_FIFO ||
           (type == DT_REG && (name.ends_with(".pid") || name.ends_with(".lock") || name.ends_with("-lock") ||
                               name.starts_with("LCK..")));
}

// As mkdtemp(3), mktemp(1) and their like in other languages name them: letters by chance at the end.
bool is_temporary(std::string_view name) {
    if (name.starts_with('.')) return false;
    const auto from = name.find_last_of(".-_");
    const auto chance = name.starts_with("tmp") && from == name.npos ? name.substr(3)
                        : from == name.npos                          ? std::string_view()
                                                                     : name.substr(from + 1);
    if (chance.size() < 6 || chance.size() > 16) return false;
    const auto any = [&](char a, char z) {
        return std::ranges::any_of(chance, [&](char c) { return c >= a && c <= z; });
    };
    return std::ranges::all_of(
               chance,
               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }) &&
           (name.starts_with("tmp") || (any('A', 'Z') && (any('a', 'z') || any('0', '9'))));
}

void take_place(Snapshot& s, const std::string& path, int depth, std::size_t& directories) {
    if (directories == 0) return;
    --directories;
    const Fd dir = directory(AT_FDCWD, path.c_str());
    if (dir == nullptr) return;
    std::vector<std::string> below;
    each_name(dir.get(), [&](const char* name, std::uint8_t type) {
        if (type == DT_DIR && depth > 0) below.push_back(path + "/" + name);
        const bool temporary = type == DT_DIR && (path == "/tmp" || path == "/var/tmp") && is_temporary(name);
        if (!temporary && !is_place(name, type)) return;
        Found f{.path = path + "/" + name, .file = {}, .head = {}};
        if (look(dir.get(), name, AT_SYMLINK_NOFOLLOW, f.file) < 0) return;
        if (f.file.is(type_regular)) f.head = head_of(dir.get(), name);
        s.places.push_back(std::move(f));
    });
    for (const auto& b : below) take_place(s, b, depth - 1, directories);
}

}  // namespace

void take_mounts(Snapshot& s, Reader& reader, Ways& ipc, Ways& net) {
    std::vector<std::uint64_t> done;
    // Ours first: what others have mounted, too, is told as ours.
    for (const bool ours : {true, false})
        for (const auto& p : s.processes) {
            if (p.ns.mnt == 0 || (ours && p.ns.mnt != s.own.mnt)) continue;
            if (std::ranges::find(done, p.ns.mnt) != done.end()) continue;
            done.push_back(p.ns.mnt);
            take_mounts_of(s, reader, p, ipc, net);
        }
    s.mnt_total = done.size();
}

// Asked by mq_getattr and not by reading, which changes the file's times. And never through a descriptor more where
// this process has one: closing it would end the process's own notification. mq_notify(3)
void take_queues(const Snapshot& s, IpcNamespace& ns, int top) {
    const auto self = std::ranges::find(s.processes, sys::own_pid(), &SeenProcess::pid);
    ns.queues_seen = each_name(top, [&](const char* name, std::uint8_t) {
        MessageQueue q;
        q.path = name;
        if (look(top, name, AT_SYMLINK_NOFOLLOW, q.file) < 0 || !q.file.is(type_regular)) return;
        long ours = -1;
        if (self != s.processes.end())
            for (const auto& f : self->fds)
                if (f.file.key == q.file.key) ours = f.fd;
        const Fd opened(ours >= 0 ? -1
                                  : static_cast<int>(std::max(sys::openat(top, name, O_RDONLY | O_NOFOLLOW), -1L)));
        mq_attr a{};
        if (sys::mq_getattr(ours >= 0 ? static_cast<int>(ours) : opened.get(), &a) == 0) {
            q.depth = static_cast<std::uint64_t>(a.mq_maxmsg), q.size = static_cast<std::uint64_t>(a.mq_msgsize);
            q.messages = static_cast<std::uint64_t>(a.mq_curmsgs);
        }
        ns.queues.push_back(std::move(q));
    });
}

void take_places(Snapshot& s) {
    std::size_t directories = most_places;
    for (const char* top : {"/run", "/tmp", "/var/tmp"}) take_place(s, top, 2, directories);
    if (directories == 0) s.blind.emplace_back("/run and /tmp have more directories than were looked through");
}

}  // namespace wye::sys
