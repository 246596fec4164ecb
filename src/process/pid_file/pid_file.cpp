// A pid file: a lock, and a number for people.
#include "wye/process/pid_file.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/lock_file.hpp"
#include "os/signal_guard.hpp"
#include "os/syscall.hpp"

namespace wye {

struct PidFile::State {
    sys::LockFile file;

    Result<> remove() const {
        if (!file.ours()) return {};
        // Before the unlock: whoever locks it afterwards finds that it has no name, and makes another.
        WYE_TRY(const bool named, file.named());
        if (!named) return {};
        const long r = sys::unlink(file.path().c_str());
        return r < 0 ? Result<>(sys::fail(r, "unlink", file.path())) : Result<>();
    }
};

namespace {

constexpr sys::LockPlan plan(mode_t permissions) {
    return {.permissions = permissions, .writable = true, .sole_name = true};
}

Result<> write_pid(int fd, const std::string& path) {
    const auto text = std::to_string(sys::own_pid()) + "\n";
    if (const long r = sys::ftruncate(fd, 0); r < 0) return sys::fail(r, "ftruncate", path);
    sys::SignalGuard guard(SIGXFSZ);
    for (std::string_view rest = text; !rest.empty();) {
        const long n = guard.watch(sys::write(fd, rest.data(), rest.size()), -EFBIG, rest.size());
        if (n == -EINTR) continue;
        if (n < 0) return sys::fail(n, "write", path);
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

std::unexpected<Error> busy(const sys::LockFile& file) {
    const auto who = file.holder();
    auto text = file.path() + ": held by ";
    if (who && *who && (*who)->pid > 0) return refuse(Errc::busy, text + "process " + std::to_string((*who)->pid));
    char said[24];
    const long n = sys::pread(file.fd(), said, sizeof said, 0);
    const auto number = std::string_view(said, n > 0 ? static_cast<std::size_t>(n) : 0);
    const auto pid = parse_number(number.substr(0, number.find('\n')));
    return refuse(Errc::busy, text + (pid ? "process " + std::to_string(*pid) + ", as it says" : "another process"));
}

}  // namespace

PidFile::PidFile(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
PidFile::PidFile(PidFile&&) noexcept = default;
PidFile& PidFile::operator=(PidFile&& o) noexcept {
    if (this != &o && state_) (void)state_->remove();
    state_ = std::move(o.state_);
    return *this;
}
PidFile::~PidFile() {
    if (state_) (void)state_->remove();
}

Result<PidFile> PidFile::take(const std::string& path, PidFileOptions o, Deadline d) {
    WYE_TRY(auto file, sys::LockFile::open(path, plan(o.permissions & 0777u)));
    if (const auto r = file.take(false, d); !r) {
        if (r.error().is(Errc::timed_out)) return busy(file);
        return std::unexpected(r.error());
    }
    PidFile held(std::make_unique<State>(std::move(file)));
    WYE_CHECK(write_pid(held.state_->file.fd(), path));
    return held;
}

Result<pid_t> PidFile::holder(const std::string& path) {
    WYE_TRY(const auto file, sys::LockFile::open(path, {.create = false, .any_owner = true, .remote = true}));
    WYE_TRY(const auto who, file.holder());
    if (!who) return refuse(Errc::not_found, path + ": no process holds it");
    if (who->pid == 0) return refuse(Errc::denied, path + ": the process that holds it cannot be seen from here");
    return who->pid;
}

const std::string& PidFile::path() const noexcept { return state_->file.path(); }

Result<> PidFile::remove() {
    if (!state_) return {};
    auto s = std::move(state_);
    return s->remove();
}

}  // namespace wye
