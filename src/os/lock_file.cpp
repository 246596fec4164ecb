#include "os/lock_file.hpp"

#include "os/errno.hpp"
#include "os/file_system.hpp"
#include "os/fork.hpp"
#include "os/lock_holder.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

namespace wye::sys {
namespace {

struct flock describe(const LockPlan& p, short type) noexcept {
    struct flock f{};
    f.l_type = type;
    f.l_whence = SEEK_SET;
    f.l_start = p.from;
    f.l_len = p.length;
    return f;
}

Error complaint(long r, const char* op, std::string_view path) {
    if (r == -ENOLCK) return Error(Errc::exhausted, op, path, ENOLCK);
    return error(r, op, path);
}

}  // namespace

LockFile::LockFile(std::string path, LockPlan plan)
    : path_(std::move(path)), plan_(plan), generation_(fork_generation()) {}

Result<LockFile> LockFile::open(std::string path, LockPlan plan) {
    LockFile f(std::move(path), plan);
    WYE_CHECK(f.reopen());
    return f;
}

bool LockFile::ours() const noexcept { return generation_ == fork_generation(); }

Result<> LockFile::reopen() {
    const int flags = (plan_.writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW;
    bool made = false;
    for (;;) {
        long r = file_.open(path_.c_str(), flags);
        if (r == -ENOENT && plan_.create) {
            r = file_.open(path_.c_str(), flags | O_CREAT | O_EXCL, plan_.permissions);
            if (r == -EEXIST) continue;
            made = r == 0;
            if (made) r = sys::fchmod(file_.get(), plan_.permissions);
        }
        if (r == -EINTR) continue;
        if (r == -ELOOP) return refuse(Errc::mismatch, path_ + ": is a symbolic link, or goes round in a circle");
        if (r == -ENXIO || r == -EISDIR) return wye::fail(Errc::mismatch, "open", path_);
        if (r < 0) return fail(r, "open", path_);
        auto good = check();
        if (!good && made) (void)sys::unlink(path_.c_str());
        return good;
    }
}

Result<> LockFile::check() const {
    struct stat s{};
    if (const long r = sys::fstat(file_.get(), &s); r < 0) return fail(r, "fstat", path_);
    if (!S_ISREG(s.st_mode) && !S_ISDIR(s.st_mode))
        return refuse(Errc::mismatch, path_ + ": is neither a file nor a directory");
    if (!plan_.any_owner && s.st_uid != effective_user() && s.st_uid != 0)
        return refuse(Errc::denied, path_ + ": belongs to user " + std::to_string(s.st_uid) +
                                        ", who could hold it for ever or replace it");
    if (plan_.sole_name && s.st_nlink > 1)
        return refuse(Errc::mismatch, path_ + ": has another name (a hard link) somewhere");
    // Some network file systems make one lock of the two kinds, and a fair one would wait for itself.
    if (!plan_.remote || plan_.fair)
        return refuse_network(
            file_.get(), path_,
            "use one of this machine; a lock takes it with `remote`, where its server is known to lock");
    return {};
}

long LockFile::attempt(bool shared, bool wait) const noexcept {
    return plan_.fair ? attempt_fairly(shared, wait) : attempt_directly(shared, wait);
}

// Who waits does so in the gate, so that nobody who comes later passes; a gate is an OFD lock of the file, which the
// flock itself does not see, and is the kernel's to open when its holder dies. Who need not wait only looks whether
// somebody does: those who look are no hindrance to each other.
long LockFile::attempt_fairly(bool shared, bool wait) const noexcept {
    long r = gate(wait ? F_WRLCK : F_RDLCK, wait);
    if (r < 0) return r;
    r = attempt_directly(shared, wait);
    (void)gate(F_UNLCK, false);
    return r;
}

long LockFile::gate(short type, bool wait) const noexcept {
    auto f = describe(plan_, type);
    const long r = sys::fcntl(file_.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, word(&f));
    return r == -EACCES ? -EAGAIN : r;
}

long LockFile::attempt_directly(bool shared, bool wait) const noexcept {
    if (!plan_.range) return sys::flock(file_.get(), (shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB));
    auto f = describe(plan_, shared ? F_RDLCK : F_WRLCK);
    const long r = sys::fcntl(file_.get(), wait ? F_OFD_SETLKW : F_OFD_SETLK, word(&f));
    return r == -EACCES ? -EAGAIN : r;
}

Result<> LockFile::take(bool shared, Deadline d) {
    if (!ours())
        return refuse(Errc::mismatch, path_ + ": this lock was opened before fork(); open another in the child");
    for (;;) {
        long r = d.is_never() && !plan_.fair ? -EAGAIN : attempt(shared, false);
        if (r == -EAGAIN && !d.is_now()) r = interruptible(d, [&] { return attempt(shared, true); });
        if (r == -EAGAIN || r == -ETIMEDOUT) return wye::fail(Errc::timed_out);
        if (r == -EINTR) continue;
        if (r < 0) return std::unexpected(complaint(r, plan_.range ? "fcntl" : "flock", path_));
        WYE_TRY(const bool same, named());
        if (same) return {};
        (void)release();
        WYE_CHECK(reopen());
        if (d.passed() && !d.is_now()) return wye::fail(Errc::timed_out);
    }
}

Result<> LockFile::release() {
    if (!ours()) return {};
    auto f = describe(plan_, F_UNLCK);
    const long r = plan_.range ? sys::fcntl(file_.get(), F_OFD_SETLK, word(&f)) : sys::flock(file_.get(), LOCK_UN);
    if (r < 0) return std::unexpected(complaint(r, plan_.range ? "fcntl" : "flock", path_));
    return {};
}

Result<bool> LockFile::named() const {
    struct stat mine{}, there{};
    if (const long r = sys::fstat(file_.get(), &mine); r < 0) return fail(r, "fstat", path_);
    const long r = sys::lstat(path_.c_str(), &there);
    if (r == -ENOENT) return false;
    if (r < 0) return fail(r, "stat", path_);
    return mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

Result<std::optional<LockHolder>> LockFile::holder() const {
    struct stat s{};
    if (const long r = sys::fstat(file_.get(), &s); r < 0) return fail(r, "fstat", path_);
    if (!plan_.range) return flock_holder(s);
    auto f = describe(plan_, F_WRLCK);
    if (const long r = sys::fcntl(file_.get(), F_OFD_GETLK, word(&f)); r < 0) return fail(r, "fcntl", path_);
    if (f.l_type == F_UNLCK) return std::nullopt;
    // A classic record lock names its process, an OFD lock (-1) belongs to a description.
    if (f.l_pid > 0) return LockHolder{.pid = f.l_pid, .shared = f.l_type == F_RDLCK};
    return range_holder(s, f);
}

}  // namespace wye::sys
