#include "os/clean.hpp"

#include "wye/os/fd.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/small_file.hpp"

#include <dirent.h>

#include <optional>
#include <string>
#include <vector>

namespace wye::sys {
namespace {

// Read anew from its beginning, through a description of its own.
Result<std::vector<std::string>> names_of(int directory) {
    const long fd = sys::openat(directory, ".", O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fail(fd, "open", ".");
    DIR* const d = ::fdopendir(static_cast<int>(fd));
    if (!d) {
        (void)sys::close(static_cast<int>(fd));
        return wye::fail(Errc::exhausted, "fdopendir");
    }
    std::vector<std::string> names;
    while (const dirent* e = ::readdir(d))
        if (const std::string_view name = e->d_name; name != "." && name != "..") names.emplace_back(name);
    ::closedir(d);
    return names;
}

// The permissions to empty it, where it is ours. By descriptor: a name may be swapped for a link to elsewhere.
Fd open_inner(int directory, const char* name) {
    constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    long fd = sys::openat(directory, name, flags);
    if (fd == -EACCES) {
        const Fd handle(static_cast<int>(sys::openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW)));
        if (handle.get() < 0) return {};
        (void)sys::chmod(("/proc/self/fd/" + std::to_string(handle.get())).c_str(), 0700);
        fd = sys::openat(directory, name, flags);
    }
    if (fd < 0) return {};
    Fd inner(static_cast<int>(fd));
    struct stat s{};
    if (sys::fstat(inner.get(), &s) == 0 && (s.st_mode & 0700) != 0700) (void)sys::fchmod(inner.get(), 0700);
    return inner;
}

struct Sweep {
    int top;
    dev_t device;
    std::optional<Error> trouble;  // the first
    bool progress = false;

    void complain(long r, const char* op, std::string_view name) {
        if (!trouble) trouble = error(r, op, name);
    }
    bool remove(int directory, const std::string& name, bool& is_directory) {
        const long r = sys::unlinkat(directory, name.c_str());
        // EPERM is what some file systems say of a directory.
        is_directory = r == -EISDIR || r == -EPERM;
        if (r < 0 && r != -ENOENT && !is_directory) complain(r, "unlink", name);
        if (r == 0) progress = true;
        return r == 0 || r == -ENOENT;
    }
    // A level at a time: what is in a directory in a directory moves up to the top, so that the depth of the tree costs
    // neither descriptors nor stack, and ".." is never needed.
    void lift(const std::string& directory) {
        const Fd inner = open_inner(top, directory.c_str());
        struct stat s{};
        if (inner.get() < 0 || sys::fstat(inner.get(), &s) < 0) return;
        if (s.st_dev != device) return complain(-EXDEV, "rmdir", directory);  // mounted there
        const auto names = names_of(inner.get());
        if (!names) {
            if (!trouble) trouble = names.error();
            return;
        }
        for (const auto& name : *names) {
            bool is_directory = false;
            if (remove(inner.get(), name, is_directory) || !is_directory) continue;
            if (sys::rmdirat(inner.get(), name.c_str()) == 0) {
                progress = true;
                continue;
            }
            const auto up = "wye-lifted-" + std::to_string(unique_mark());
            long r = sys::renameat(inner.get(), name.c_str(), top, up.c_str());
            if (r == -EACCES) {  // to get another parent it must be writable itself
                (void)open_inner(inner.get(), name.c_str());
                r = sys::renameat(inner.get(), name.c_str(), top, up.c_str());
            }
            if (r < 0)
                complain(r, "rename", name);
            else
                progress = true;
        }
    }
    // One round over the top. True when nothing is left there.
    bool round() {
        progress = false, trouble.reset();
        const auto names = names_of(top);
        if (!names) {
            trouble = names.error();
            return false;
        }
        for (const auto& name : *names) {
            bool is_directory = false;
            if (remove(top, name, is_directory) || !is_directory) continue;
            long r = sys::rmdirat(top, name.c_str());
            if (r == -ENOTEMPTY || r == -EEXIST) {
                lift(name);
                r = sys::rmdirat(top, name.c_str());
            }
            if (r == 0) progress = true;
            if (r < 0 && r != -ENOENT) complain(r, "rmdir", name);
        }
        return names->empty();
    }
};

}  // namespace

Result<> empty_directory(int directory) {
    struct stat s{};
    if (const long r = sys::fstat(directory, &s); r < 0) return fail(r, "fstat");
    if ((s.st_mode & 0700) != 0700) (void)sys::fchmod(directory, 0700);
    Sweep sweep{.top = directory, .device = s.st_dev, .trouble = {}};
    // Each round removes something, or moves it up a level; one that does neither is the last.
    do
        if (sweep.round()) return {};
    while (sweep.progress);
    return sweep.trouble ? Result<>(std::unexpected(*sweep.trouble)) : Result<>();
}

}  // namespace wye::sys
