#include "os/removal/file.hpp"

#include "wye/os/fd.hpp"

#include "os/removal/calls.hpp"
#include "os/removal/contents.hpp"
#include "os/small_file.hpp"

#include <chrono>
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

// Opened and leased; open without a lease where there are none.
struct Leased {
    Fd file;
    bool lease = false;
};
bool holds(int fd) noexcept { return sys::fcntl(fd, F_GETLEASE) == F_WRLCK; }

// Errc::busy. Another who holds a lease of it is not waited for.
Result<Leased> lease(int dir, const std::string& name, const Relic& r) {
    if (!S_ISREG(r.mode)) return Leased{};
    const long fd = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd == -EWOULDBLOCK) return somebody(r);
    if (fd == -ENOENT || fd == -ELOOP) return another(r);
    if (fd < 0) return fail(fd, "open", path_of(r));
    Leased l{.file = Fd(static_cast<int>(fd))};
    struct stat s{};
    if (const long e = sys::fstat(l.file.get(), &s); e < 0) return fail(e, "fstat", path_of(r));
    if (!same(s, r)) return another(r);
    if (name == r.file && nanoseconds(s.st_ctim) != r.changed)
        return refuse(Errc::busy, path_of(r) + ": it was changed meanwhile");
    // What tells of an opener is SIGIO, whose default would end us; SIGURG's is nothing.
    long e = sys::fcntl(l.file.get(), F_SETSIG, SIGURG);
    if (e >= 0) e = sys::fcntl(l.file.get(), F_SETLEASE, F_WRLCK);
    if (e == -EAGAIN || e == -EBUSY || (e == 0 && !holds(l.file.get()))) return somebody(r);
    l.lease = e == 0;
    return l;
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

Result<Aside> Aside::take(const Relic& r, const StillFree& free) {
    WYE_TRY(auto dir, directory_of(r.directory));
    WYE_TRY(auto file, lease(dir.get(), r.file, r));
    if (!file.lease && !free)
        return refuse(Errc::unsupported, path_of(r) + ": the kernel gives no lease here, so nobody can be excluded");
    if (!lies_there(dir.get(), r.file, r)) return another(r);
    const long e = sys::renameat(dir.get(), r.file.c_str(), dir.get(), r.aside.c_str(), RENAME_NOREPLACE);
    if (e == -ENOENT) return another(r);
    if (e < 0) return fail(e, "rename", path_of(r));
    // At once: while somebody waits for it, another may make a new one of its name. Who was between finding the name
    // and opening it on another processor is there within microseconds.
    Aside a(r, std::move(dir), std::move(file.file), file.lease);
    const auto soon = std::chrono::steady_clock::now() + std::chrono::microseconds(50);
    do WYE_CHECK(a.still_alone());
    while (a.leased_ && std::chrono::steady_clock::now() < soon);
    // Its owner may have given the name to another file since it was looked at.
    if (!lies_there(a.directory_.get(), r.aside, r)) {
        (void)a.give_back();
        return another(r);
    }
    if (a.leased_) return a;
    if (const auto answer = free(r); !answer || !*answer) {
        WYE_CHECK(a.give_back());
        return answer ? somebody(r) : std::unexpected(answer.error());
    }
    return a;
}

bool Aside::intact() const noexcept { return !leased_ || holds(file_.get()); }

Result<> Aside::give_back() const {
    const long e =
        sys::renameat(directory_.get(), relic_.aside.c_str(), directory_.get(), relic_.file.c_str(), RENAME_NOREPLACE);
    if (e == 0) return {};
    return refuse(Errc::busy, path_of(relic_) +
                                  ": it cannot have its name back, which is another's by now; it lies at " +
                                  relic_.directory + "/" + relic_.aside);
}

Result<> Aside::still_alone() const {
    if (intact()) return {};
    WYE_CHECK(give_back());
    return refuse(Errc::busy, path_of(relic_) + ": somebody came for it, and has it");
}

Result<> Aside::keep(int store) const {
    if (relic_.contents.empty()) return {};
    WYE_CHECK(room_for(store, relic_.allocated));
    WYE_TRY(auto keeping, Keeping::begin(store, relic_.contents));
    WYE_CHECK(copy_contents(file_.get(), keeping.fd(), relic_.size));
    return keeping.done();
}

Result<> Aside::settle(int store, const StillFree& free) const {
    WYE_CHECK(still_alone());
    if (relic_.stays) return {};
    if (!leased_)
        if (const auto answer = free(relic_); !answer || !*answer) {
            WYE_CHECK(give_back());
            return answer ? Result<>(somebody(relic_)) : Result<>(std::unexpected(answer.error()));
        }
    if (const auto kept = keep(store); !kept) {
        WYE_CHECK(give_back());
        return kept;
    }
    if (const auto alone = still_alone(); !alone) {
        if (!relic_.contents.empty()) (void)sys::unlinkat(store, relic_.contents.c_str());
        return alone;
    }
    if (!lies_there(directory_.get(), relic_.aside, relic_)) return another(relic_);
    const long e = sys::unlinkat(directory_.get(), relic_.aside.c_str());
    return e < 0 ? Result<>(fail(e, "unlink", path_of(relic_))) : Result<>();
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
        if (const auto file = lease(dir->get(), r.aside, r); !file && file.error().is(Errc::busy)) {
            WYE_CHECK(put_back_file(r, store));
            return std::unexpected(file.error());
        }
        if (const long e = sys::unlinkat(dir->get(), r.aside.c_str()); e < 0 && e != -ENOENT)
            return fail(e, "unlink", r.aside);
    }
    if (!r.contents.empty()) (void)sys::unlinkat(store, r.contents.c_str());
    return {};
}

}  // namespace wye::sys
