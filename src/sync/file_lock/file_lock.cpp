// A lock that stands for a file: flock(2), or a byte range by an open-file-description lock.
#include "wye/sync/file_lock.hpp"

#include "os/errno.hpp"
#include "os/lock_file.hpp"
#include "os/syscall.hpp"

#include <limits>

namespace wye {

struct FileLock::State {
    sys::LockFile file;
    bool held = false;
};

FileLock::FileLock(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
FileLock::FileLock(FileLock&&) noexcept = default;
FileLock& FileLock::operator=(FileLock&&) noexcept = default;
FileLock::~FileLock() = default;

Result<FileLock> FileLock::open(const std::string& path, FileLockOptions o) {
    sys::LockPlan plan{.create = o.create,
                       .permissions = o.permissions & 07777u,
                       .writable = o.fair,
                       .any_owner = o.any_owner,
                       .remote = o.remote,
                       .fair = o.fair};
    if (o.fair && o.range)
        return refuse(Errc::unsupported, path + ": a fair lock is of the whole file, not of a range");
    if (o.range) {
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (o.range->from > most || o.range->length > most - o.range->from)
            return refuse(Errc::bad_address, path + ": the range ends beyond what a file can hold");
        plan.writable = plan.range = true;
        plan.from = static_cast<std::int64_t>(o.range->from);
        plan.length = static_cast<std::int64_t>(o.range->length);
    }
    WYE_TRY(auto file, sys::LockFile::open(path, plan));
    return FileLock(std::make_unique<State>(std::move(file)));
}

Result<Held> FileLock::lock(Deadline d) { return take(false, d); }
Result<Held> FileLock::lock_shared(Deadline d) { return take(true, d); }

Result<Held> FileLock::take(bool shared, Deadline d) {
    if (state_->held) return fail(Errc::busy, "lock", state_->file.path());
    WYE_CHECK(state_->file.take(shared, d));
    state_->held = true;
    const auto unlock = [](void* from, std::uint64_t) {
        auto& s = *static_cast<State*>(from);
        s.held = false;
        return s.file.release();
    };
    return Held(unlock, state_.get(), 0);
}

Result<std::optional<LockHolder>> FileLock::holder() const { return state_->file.holder(); }

Result<> FileLock::keep_over_exec() {
    const long r = sys::fcntl(state_->file.fd(), F_SETFD, 0);
    return r < 0 ? Result<>(sys::fail(r, "fcntl", state_->file.path())) : Result<>();
}

}  // namespace wye
