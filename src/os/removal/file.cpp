#include "os/removal/file.hpp"

#include "wye/os/fd.hpp"

#include "os/removal/calls.hpp"
#include "os/removal/contents.hpp"
#include "os/small_file.hpp"

#include <csignal>

namespace wye::sys {
namespace {

std::int64_t nanoseconds(const timespec& t) { return t.tv_sec * std::int64_t{1'000'000'000} + t.tv_nsec; }

Result<Fd> directory_of(const std::string& path) {
    const long fd = sys::open_directory(path.c_str());
    if (fd == -ELOOP) return refuse(Errc::mismatch, path + ": a symbolic link is on the way to it");
    if (fd < 0) return fail(fd, "open", path);
    return Fd(static_cast<int>(fd));
}

std::string path_of(const Relic& r) { return r.directory + "/" + r.file; }

bool same(const struct stat& s, const Relic& r) { return s.st_dev == r.dev && s.st_ino == r.ino; }

bool lies_there(int dir, const std::string& name, const Relic& r) {
    struct stat s{};
    return sys::lstatat(dir, name.c_str(), &s) == 0 && same(s, r);
}

std::unexpected<Error> somebody(const Relic& r) { return refuse(Errc::busy, path_of(r) + ": somebody has it by now"); }
std::unexpected<Error> another(const Relic& r) {
    return refuse(Errc::mismatch, path_of(r) + ": its name stands for something else by now");
}

// The file, with the kernel's word that nobody else has it, for as long as that holds.
class Leased {
public:
    // Errc::busy. Where there are no leases it is open without one.
    static Result<Leased> open(int dir, const std::string& name, const Relic& r, bool compare_change) {
        Leased l;
        if (!S_ISREG(r.mode)) return l;
        // Another who holds a lease of it is not waited for.
        const long fd = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (fd == -EWOULDBLOCK) return somebody(r);
        if (fd == -ENOENT || fd == -ELOOP) return another(r);
        if (fd < 0) return fail(fd, "open", path_of(r));
        l.file_ = Fd(static_cast<int>(fd));
        struct stat s{};
        if (const long e = sys::fstat(l.file_.get(), &s); e < 0) return fail(e, "fstat", path_of(r));
        if (!same(s, r)) return another(r);
        if (compare_change && nanoseconds(s.st_ctim) != r.changed)
            return refuse(Errc::busy, path_of(r) + ": it was changed meanwhile");
        // What tells of an opener is SIGIO, whose default would end us; SIGURG's is nothing.
        long e = sys::fcntl(l.file_.get(), F_SETSIG, SIGURG);
        if (e >= 0) e = sys::fcntl(l.file_.get(), F_SETLEASE, F_WRLCK);
        if (e == -EAGAIN || e == -EBUSY) return somebody(r);
        l.leased_ = e == 0 && l.intact();
        if (e == 0 && !l.leased_) return somebody(r);
        return l;
    }
    bool leased() const noexcept { return leased_; }
    bool intact() const noexcept { return sys::fcntl(file_.get(), F_GETLEASE) == F_WRLCK; }
    int fd() const noexcept { return file_.get(); }

private:
    Fd file_;
    bool leased_ = false;
};

// Its name again, for who waits for it.
std::unexpected<Error> give_back(int dir, const Relic& r) {
    const long e = sys::renameat(dir, r.aside.c_str(), dir, r.file.c_str(), RENAME_NOREPLACE);
    if (e == 0) return refuse(Errc::busy, path_of(r) + ": somebody came for it, and has it");
    return refuse(Errc::busy, path_of(r) + ": somebody has it, and the name is another's by now; it lies at " +
                                  r.directory + "/" + r.aside);
}

Result<> ask(int dir, const Relic& r, const StillFree& free) {
    if (!free)
        return refuse(Errc::unsupported, path_of(r) + ": the kernel gives no lease here, so nobody can be excluded");
    const auto answer = free(r);
    if (answer && *answer) return {};
    if (lies_there(dir, r.aside, r)) return give_back(dir, r);
    return answer ? Result<>(somebody(r)) : Result<>(std::unexpected(answer.error()));
}

// A nameless copy with everything that can be given back, then the name.
Result<std::vector<std::string>> make_anew(int dir, const Relic& r, int store) {
    const long kept = sys::openat(store, r.contents.c_str(), O_RDONLY | O_NOFOLLOW);
    if (kept < 0) return fail(kept, "open", r.contents);
    const Fd from(static_cast<int>(kept));
    const long made = sys::openat(dir, ".", O_TMPFILE | O_RDWR, 0600);
    if (made < 0) return fail(made, "open", r.directory);
    const Fd file(static_cast<int>(made));
    WYE_CHECK(copy_contents(from.get(), file.get(), r.size));
    std::vector<std::string> lacks;
    if (sys::fchown(file.get(), r.uid, r.gid) < 0) lacks.emplace_back("its owner and group");
    if (const long e = sys::fchmod(file.get(), r.mode & 07777); e < 0) lacks.emplace_back("its permissions");
    (void)sys::set_modified(file.get(), r.modified);
    const auto self = "/proc/self/fd/" + std::to_string(file.get());
    const long e = sys::linkat(AT_FDCWD, self.c_str(), dir, r.file.c_str(), AT_SYMLINK_FOLLOW);
    if (e == -EEXIST) return refuse(Errc::already_exists, path_of(r) + ": the name is another's now; it is still kept");
    if (e < 0) return fail(e, "link", path_of(r));
    return lacks;
}

}  // namespace

Result<Relic> find_file(const std::string& directory, const std::string& file, std::string aside) {
    WYE_TRY(const auto dir, directory_of(directory));
    struct stat s{};
    const auto path = directory + "/" + file;
    if (const long r = sys::lstatat(dir.get(), file.c_str(), &s); r < 0) return fail(r, "stat", path);
    Relic r{.directory = directory, .file = file, .aside = std::move(aside)};
    r.dev = s.st_dev, r.ino = s.st_ino, r.uid = s.st_uid, r.gid = s.st_gid, r.mode = s.st_mode;
    r.changed = nanoseconds(s.st_ctim), r.modified = nanoseconds(s.st_mtim);
    r.size = static_cast<std::uint64_t>(s.st_size), r.allocated = static_cast<std::uint64_t>(s.st_blocks) * 512;
    r.stays = s.st_nlink != 1;
    return r;
}

Result<std::vector<std::string>> files_beside(const std::string& directory, const std::string& prefix) {
    WYE_TRY(auto names, names_in(directory));
    std::erase_if(names, [&](const auto& n) { return !n.starts_with(prefix); });
    return names;
}

Result<> set_aside(const Relic& r, const StillFree& free) {
    WYE_TRY(const auto dir, directory_of(r.directory));
    WYE_TRY(const auto file, Leased::open(dir.get(), r.file, r, true));
    if (!file.leased() && !free) return ask(dir.get(), r, free);
    if (!lies_there(dir.get(), r.file, r)) return another(r);
    const long e = sys::renameat(dir.get(), r.file.c_str(), dir.get(), r.aside.c_str(), RENAME_NOREPLACE);
    if (e < 0) return e == -ENOENT ? Result<>(another(r)) : Result<>(fail(e, "rename", path_of(r)));
    // Its owner may have given the name to another file since it was looked at.
    if (!lies_there(dir.get(), r.aside, r)) {
        (void)sys::renameat(dir.get(), r.aside.c_str(), dir.get(), r.file.c_str(), RENAME_NOREPLACE);
        return another(r);
    }
    if (!file.leased()) return ask(dir.get(), r, free);
    if (!file.intact()) return give_back(dir.get(), r);
    return {};
}

Result<> settle(const Relic& r, int store, const StillFree& free) {
    WYE_TRY(const auto dir, directory_of(r.directory));
    const auto back = [&](const Error& why) -> Result<> {
        if (why.is(Errc::busy)) return give_back(dir.get(), r);
        (void)sys::renameat(dir.get(), r.aside.c_str(), dir.get(), r.file.c_str(), RENAME_NOREPLACE);
        return std::unexpected(why);
    };
    const auto file = Leased::open(dir.get(), r.aside, r, false);
    if (!file) return back(file.error());
    if (!file->leased() && !r.stays) WYE_CHECK(ask(dir.get(), r, free));
    if (r.stays) return {};
    if (!r.contents.empty()) {
        if (const auto room = room_for(store, r.allocated); !room) return back(room.error());
        auto keeping = Keeping::begin(store, r.contents);
        if (!keeping) return back(keeping.error());
        if (const auto c = copy_contents(file->fd(), keeping->fd(), r.size); !c) return back(c.error());
        if (const auto d = keeping->done(); !d) return back(d.error());
    }
    if (file->leased() && !file->intact()) {
        if (!r.contents.empty()) (void)sys::unlinkat(store, r.contents.c_str());
        return give_back(dir.get(), r);
    }
    if (!lies_there(dir.get(), r.aside, r)) return another(r);
    const long e = sys::unlinkat(dir.get(), r.aside.c_str());
    return e < 0 ? Result<>(fail(e, "unlink", path_of(r))) : Result<>();
}

bool is_aside(const Relic& r) {
    const auto dir = directory_of(r.directory);
    return dir && !r.aside.empty() && lies_there(dir->get(), r.aside, r);
}

Result<std::vector<std::string>> put_back_file(const Relic& r, int store) {
    WYE_TRY(const auto dir, directory_of(r.directory));
    if (lies_there(dir.get(), r.aside, r)) {
        const long e = sys::renameat(dir.get(), r.aside.c_str(), dir.get(), r.file.c_str(), RENAME_NOREPLACE);
        if (e == -EEXIST)
            return refuse(Errc::already_exists, path_of(r) + ": the name is another's now; it is still kept");
        if (e < 0) return fail(e, "rename", path_of(r));
        return std::vector<std::string>();
    }
    if (lies_there(dir.get(), r.file, r)) return std::vector<std::string>();  // it never went
    if (r.contents.empty()) return refuse(Errc::not_found, path_of(r) + ": nothing of it was kept");
    return make_anew(dir.get(), r, store);
}

Result<> forget_file(const Relic& r, int store) {
    const auto dir = directory_of(r.directory);
    if (dir && lies_there(dir->get(), r.aside, r)) {
        const auto file = Leased::open(dir->get(), r.aside, r, false);
        if (!file && file.error().is(Errc::busy)) return give_back(dir->get(), r);
        if (const long e = sys::unlinkat(dir->get(), r.aside.c_str()); e < 0 && e != -ENOENT)
            return fail(e, "unlink", r.aside);
    }
    if (!r.contents.empty()) (void)sys::unlinkat(store, r.contents.c_str());
    return {};
}

}  // namespace wye::sys
