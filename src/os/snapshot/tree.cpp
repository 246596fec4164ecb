#include "os/snapshot/tree.hpp"

#include "wye/os/fd.hpp"

#include "os/snapshot/calls.hpp"

#include <dirent.h>

#include <algorithm>
#include <set>

namespace wye::sys {
namespace {

constexpr std::size_t most = 5000;
constexpr int deepest = 32;

class Walk {
public:
    Walk(const Snapshot& s, Tree& tree) : s_(s), tree_(tree) {}

    void directory(const Fd& dir, int depth) {
        FileFacts f;
        if (look(dir.get(), "", AT_EMPTY_PATH, f) < 0) return stop("a directory in it cannot be looked at");
        dirs_.insert(f.key);
        meet(f);
        const bool all = each_name(dir.get(), [&](const char* name, std::uint8_t) {
            FileFacts e;
            if (!tree_.whole || look(dir.get(), name, AT_SYMLINK_NOFOLLOW, e) < 0) return;  // gone since
            if (++tree_.entries > most) return stop("there is too much in it to look through");
            if (e.key.dev != f.key.dev) return stop("another file system is mounted in it");
            if (!e.is(type_directory)) return meet(e);
            if (depth == deepest) return stop("it is too deep to look through");
            const Fd next = open(dir.get(), name);
            if (next == nullptr) return stop("a directory in it cannot be read");
            directory(next, depth + 1);
        });
        if (!all) stop("a directory in it cannot be read");
    }
    // Who works in it has no descriptor of that.
    void workers() {
        for (const auto& p : s_.processes)
            for (const char* what : {"/cwd", "/root"}) {
                FileFacts f;
                const auto way = "/proc/" + std::to_string(p.pid) + what;
                if (look(AT_FDCWD, way.c_str(), 0, f) == 0 && dirs_.contains(f.key)) used(p);
            }
    }
    static Fd open(int at, const char* name) noexcept {
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
        long r = sys::openat(at, name, flags | O_NOATIME);
        if (r == -EPERM) r = sys::openat(at, name, flags);  // another's
        return Fd(r < 0 ? -1 : static_cast<int>(r));
    }
    void stop(const char* why) {
        if (tree_.whole) tree_.why = why;
        tree_.whole = false;
    }

private:
    void meet(const FileFacts& f) {
        tree_.newest = std::max(tree_.newest, f.changed);
        for (const auto use : s_.open_at(f.key)) used(s_.processes[use.process]);
        for (const auto use : s_.mapped_at(f.key)) used(s_.processes[use.process]);
    }
    void used(const SeenProcess& p) {
        if (p.pid != own_pid()) tree_.user = p.pid, tree_.comm = p.comm;
    }

    const Snapshot& s_;
    Tree& tree_;
    std::set<FileKey> dirs_;
};

}  // namespace

Tree look_through(const std::string& path, FileKey top, const Snapshot& s) {
    Tree t{.whole = true};
    Walk walk(s, t);
    const Fd dir = Walk::open(AT_FDCWD, path.c_str());
    FileFacts f;
    if (dir == nullptr || look(dir.get(), "", AT_EMPTY_PATH, f) < 0) {
        walk.stop("it cannot be read");
    } else if (f.key != top) {
        walk.stop("its name stands for something else by now");
    } else {
        walk.directory(dir, 0);
        walk.workers();
    }
    return t;
}

}  // namespace wye::sys
