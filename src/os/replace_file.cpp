#include "wye/os/replace_file.hpp"

#include "wye/os/fd.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/signal_guard.hpp"

namespace wye {
namespace {

// The file that is written: nameless, or under a name that is removed unless it was given away.
struct Draft {
    const Fd& directory;
    std::string name;  // its name beside the target, before and while it takes its place
    Fd file;
    bool named = false;

    ~Draft() {
        if (named) (void)sys::unlinkat(directory.get(), name.c_str());
    }
    long start() {
        long fd = sys::openat(directory.get(), ".", O_TMPFILE | O_WRONLY, 0600);
        // Not every file system has it (EOPNOTSUPP), and old ones do not know the flag (EISDIR, ENOENT).
        if (fd == -EOPNOTSUPP || fd == -EISDIR || fd == -ENOENT || fd == -EINVAL) {
            fd = sys::openat(directory.get(), name.c_str(), O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0600);
            named = fd >= 0;
        }
        if (fd >= 0) file = Fd(static_cast<int>(fd));
        return fd;
    }
    long give_name() {
        if (named) return 0;
        const auto self = "/proc/self/fd/" + std::to_string(file.get());
        const long r = sys::linkat(AT_FDCWD, self.c_str(), directory.get(), name.c_str(), AT_SYMLINK_FOLLOW);
        named = r == 0;
        return r;
    }
};

long write_all(int fd, Bytes b) {
    sys::SignalGuard guard(SIGXFSZ);  // raised at RLIMIT_FSIZE, and deadly
    while (!b.empty()) {
        const long n = guard.watch(sys::write(fd, b.data(), b.size()), -EFBIG, b.size());
        if (n == -EINTR) continue;
        if (n < 0) return n;
        b = b.subspan(static_cast<std::size_t>(n));
    }
    return 0;
}

}  // namespace

Result<> replace_file(const std::string& path, Bytes contents, ReplaceOptions o) {
    const auto slash = path.rfind('/');
    const auto name = path.substr(slash + 1);  // npos + 1 is 0
    const auto above = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    if (name.empty() || name == "." || name == "..") return fail(Errc::bad_address, "rename", path);
    const long dir = sys::open(above.c_str(), O_RDONLY | O_DIRECTORY);
    if (dir < 0) return sys::fail(dir, "open", above);
    const Fd directory(static_cast<int>(dir));

    unsigned mode = o.permissions.value_or(0644);
    struct stat old{};
    const long there = sys::lstatat(directory.get(), name.c_str(), &old);
    if (there == 0 && S_ISDIR(old.st_mode)) return fail(Errc::mismatch, "rename", path);
    if (there == 0 && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode))
        return refuse(Errc::mismatch, path + ": is a device, a FIFO or a socket, and no file to be replaced");
    if (there == 0 && S_ISREG(old.st_mode) && !o.permissions) mode = old.st_mode & 07777;

    // A long name leaves no room for an addition.
    Draft draft{.directory = directory,
                .name = "." + name.substr(0, 200) + ".wye-" + std::to_string(sys::unique_mark()),
                .file = {}};
    if (const long r = draft.start(); r < 0) return sys::fail(r, "open", path);
    if (const long r = write_all(draft.file.get(), contents); r < 0) return sys::fail(r, "write", path);
    if (const long r = sys::fchmod(draft.file.get(), mode & 07777); r < 0) return sys::fail(r, "fchmod", path);
    if (o.durable)
        if (const long r = sys::fsync(draft.file.get()); r < 0) return sys::fail(r, "fsync", path);
    if (const long r = draft.give_name(); r < 0) return sys::fail(r, "link", path);
    if (const long r = sys::renameat(directory.get(), draft.name.c_str(), directory.get(), name.c_str()); r < 0)
        return sys::fail(r, "rename", path);
    draft.named = false;
    if (o.durable)
        if (const long r = sys::fsync(directory.get()); r < 0) return sys::fail(r, "fsync", above);
    return {};
}

}  // namespace wye
