// A directory as a lock.
#include "wye/sync/dir_lock.hpp"

#include "wye/os/fd.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/file_system.hpp"
#include "os/fork.hpp"
#include "os/process_id.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

#include <optional>

namespace wye {

using namespace std::chrono_literals;

struct DirLock::State {
    std::string path;
    DirLockOptions options;
    std::uint64_t generation = sys::fork_generation();
    bool held = false;

    bool ours() const noexcept { return generation == sys::fork_generation(); }
    long claim();
    Result<> remove();
    Result<bool> break_dead();
    Result<> wait(Deadline) const;
};

namespace {

constexpr const char* record = "owner";

// -errno, or a descriptor of the directory.
long open_directory(const std::string& path) {
    return sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK);
}

std::optional<sys::ProcessId> owner_in(int directory) {
    char text[256];
    const long n = sys::readlinkat(directory, record, text, sizeof text);
    if (n <= 0) return {};
    return sys::ProcessId::parse({text, static_cast<std::size_t>(n)});
}

DirLock::Owner judge(int directory, const sys::ProcessId& id) {
    const auto network = sys::network_of(directory);
    switch (id.life(network && network->empty())) {
        case sys::ProcessId::Life::alive:
            return DirLock::Owner::alive;
        case sys::ProcessId::Life::dead:
            return DirLock::Owner::dead;
        default:
            return DirLock::Owner::unknown;
    }
}

}  // namespace

// ---------------------------------------------------------------- life

DirLock::DirLock(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
DirLock::DirLock(DirLock&&) noexcept = default;
DirLock& DirLock::operator=(DirLock&&) noexcept = default;
DirLock::~DirLock() = default;

Result<DirLock> DirLock::open(const std::string& path, DirLockOptions o) {
    if (path.empty() || path.back() == '/') return fail(Errc::bad_address, "mkdir", path);
    return DirLock(std::make_unique<State>(path, o));
}

// ---------------------------------------------------------------- work

// The record is a symbolic link because that is made whole or not at all, in one call.
long DirLock::State::claim() {
    const auto id = sys::ProcessId::self();
    if (const long r = sys::mkdir(path.c_str(), options.permissions & 0777u); r < 0) return r;
    if (!id) return 0;  // no /proc: a lock without a record is still a lock
    const Fd directory(static_cast<int>(open_directory(path)));
    if (directory.get() >= 0) (void)sys::symlinkat(id->text().c_str(), directory.get(), record);
    return 0;
}

// Moved aside first: killed between the two removals, it would leave a lock without a record.
Result<> DirLock::State::remove() {
    const auto aside = path + ".gone-" + std::to_string(sys::unique_mark());
    if (const long r = sys::renameat(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str()); r < 0)
        return sys::fail(r, "rename", path);
    const Fd directory(static_cast<int>(open_directory(aside)));
    if (directory.get() >= 0) (void)sys::unlinkat(directory.get(), record);
    const long r = sys::rmdirat(AT_FDCWD, aside.c_str());
    return r < 0 ? Result<>(sys::fail(r, "rmdir", aside)) : Result<>();
}

// Two who saw the same dead owner must not both remove what has the name: the first removes the dead one's directory,
// and the second would remove that of whoever came next. So a breaker holds a flock on the very directory it judged,
// and sees under it that the name still stands for that one. True: look again.
Result<bool> DirLock::State::break_dead() {
    const long fd = open_directory(path);
    if (fd == -ENOENT) return true;
    if (fd < 0) return sys::fail(fd, "open", path);
    const Fd directory(static_cast<int>(fd));
    if (sys::flock(directory.get(), LOCK_EX | LOCK_NB) < 0) return false;  // another breaks it
    const auto owner = owner_in(directory.get());
    if (!owner || judge(directory.get(), *owner) != Owner::dead) return false;
    // After the judgement: an owner that lived until then may have let go, and somebody else come, in between.
    struct stat mine{}, there{};
    if (sys::fstat(directory.get(), &mine) < 0 || sys::lstat(path.c_str(), &there) < 0 || mine.st_ino != there.st_ino ||
        mine.st_dev != there.st_dev)
        return true;
    WYE_CHECK(remove());
    return true;
}

Result<> DirLock::State::wait(Deadline d) const {
    const long n = sys::inotify_init();
    if (n < 0) return sys::fail(n, "inotify_init1");
    const Fd watch(static_cast<int>(n));
    const long r = sys::inotify_add_watch(watch.get(), path.c_str(), IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW);
    if (r == -ENOENT) return {};
    if (r < 0) return sys::fail(r, "inotify_add_watch", path);
    const auto ready = sys::wait_ready(watch.get(), POLLIN, d.sooner(250ms));
    if (!ready && !ready.error().is(Errc::timed_out)) return std::unexpected(ready.error());
    return {};
}

Result<Held> DirLock::lock(Deadline d) {
    auto& s = *state_;
    if (!s.ours())
        return refuse(Errc::mismatch, s.path + ": this lock was opened before fork(); open another in the child");
    if (s.held) return fail(Errc::busy, "lock", s.path);
    for (;;) {
        const long r = s.claim();
        if (r == 0) break;
        if (r != -EEXIST) return sys::fail(r, "mkdir", s.path);
        struct stat there{};
        if (sys::lstat(s.path.c_str(), &there) == 0 && !S_ISDIR(there.st_mode))
            return refuse(Errc::mismatch, s.path + ": is there, and no directory");
        if (s.options.break_dead) {
            WYE_TRY(const bool gone, s.break_dead());
            if (gone) continue;
        }
        if (d.passed()) return fail(Errc::timed_out);
        WYE_CHECK(s.wait(d));
    }
    s.held = true;
    const auto unlock = [](void* from, std::uint64_t) -> Result<> {
        auto& state = *static_cast<State*>(from);
        if (!state.ours()) return {};
        state.held = false;
        return state.remove();
    };
    return Held(unlock, &s, 0);
}

Result<DirLock::Status> DirLock::status() const {
    const long fd = open_directory(state_->path);
    if (fd == -ENOENT) return Status{};
    if (fd < 0) return sys::fail(fd, "open", state_->path);
    const Fd directory(static_cast<int>(fd));
    const auto owner = owner_in(directory.get());
    if (!owner) return Status{.owner = Owner::unknown};
    return Status{.owner = judge(directory.get(), *owner), .pid = owner->pid};
}

}  // namespace wye
