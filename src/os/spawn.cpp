#include "os/spawn.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"

#include <csignal>
#include <vector>

extern char** environ;

namespace wye {

std::string Exit::text() const {
    if (!known) return "ended";
    return signal ? "killed by signal " + std::to_string(signal) : "exit status " + std::to_string(status);
}

}  // namespace wye

namespace wye::sys {
namespace {

// What posix_spawn needs, freed on every way out.
struct Plan {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    Plan() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
        sigset_t all, none;
        sigfillset(&all);
        sigemptyset(&none);
        ::posix_spawnattr_setsigdefault(&attributes, &all);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    ~Plan() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;
};

// Somebody else has reaped it. The kernel may tell us still.
Exit exit_seen_by(int pidfd) noexcept {
    PidfdInfo info{.mask = PidfdInfo::exit_bit};
    if (pidfd_info(pidfd, &info) < 0 || !(info.mask & PidfdInfo::exit_bit)) return {.known = false};
    if (WIFSIGNALED(info.exit_code)) return {.signal = WTERMSIG(info.exit_code)};
    return {.status = WEXITSTATUS(info.exit_code)};
}

// What becomes one of the child's first three must lie beyond them, or placing one would overwrite another.
Result<Fd> lifted(int fd, int to) {
    if (fd < 0 || fd > 2 || fd == to) return Fd();
    const long r = sys::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (r < 0) return fail(r, "fcntl");
    return Fd(static_cast<int>(r));
}

// The order is the promise: places, then the directory, then nothing else stays open.
Result<> fill(Plan& plan, const SpawnOptions& o, Fd (&lifts)[3]) {
    const int wanted[3] = {o.in, o.out, o.err};
    for (int to = 0; to < 3; ++to) {
        WYE_TRY(lifts[to], lifted(wanted[to], to));
        const int from = lifts[to] == nullptr ? wanted[to] : lifts[to].get();
        if (from >= 0) ::posix_spawn_file_actions_adddup2(&plan.files, from, to);
    }
    if (o.err_to_out) ::posix_spawn_file_actions_adddup2(&plan.files, 1, 2);
    if (o.directory >= 0) ::posix_spawn_file_actions_addfchdir_np(&plan.files, o.directory);
    ::posix_spawn_file_actions_addclosefrom_np(&plan.files, 3);
    if (!o.own_group) return {};
    ::posix_spawnattr_setpgroup(&plan.attributes, 0);
    ::posix_spawnattr_setflags(&plan.attributes,
                               POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    return {};
}

}  // namespace

Result<Process> Process::start(std::span<const std::string> words, const SpawnOptions& o) {
    if (words.empty() || words[0].empty()) return wye::fail(Errc::bad_address, "posix_spawn");
    std::vector<char*> argv;
    for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
    argv.push_back(nullptr);
    if (o.arg0) argv[0] = const_cast<char*>(o.arg0->c_str());
    Plan plan;
    Fd lifts[3];
    WYE_CHECK(fill(plan, o, lifts));
    pid_t pid = -1;
    const long r = call(Call::spawn, [&] {
        errno = ::posix_spawnp(&pid, words[0].c_str(), &plan.files, &plan.attributes, argv.data(),
                               o.environment ? o.environment : environ);
        return errno == 0 ? 0 : -1;
    });
    if (r == -EAGAIN) return std::unexpected(Error(Errc::exhausted, "exec", words[0], EAGAIN));  // RLIMIT_NPROC
    if (r < 0) return fail(r, "exec", words[0]);
    Process p;
    p.pid_ = pid;
    p.generation_ = fork_generation();
    const long fd = pidfd_open(pid);
    if (fd == -ESRCH) {  // it ended at once, and SIGCHLD is ignored: there is nothing to wait for
        p.over_ = true, p.exit_.known = false;
        return p;
    }
    if (fd < 0) {
        // By its number, which is safe as long as nobody has waited for it: not for longer than this.
        siginfo_t info{};
        (void)sys::kill(pid, SIGKILL);
        while (sys::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == -EINTR) {}
        p.over_ = true;
        return fail(fd, "pidfd_open", words[0]);
    }
    p.pidfd_ = Fd(static_cast<int>(fd));
    return p;
}

bool Process::ours() const noexcept { return generation_ == fork_generation(); }

Process::Process(Process&& o) noexcept
    : pid_(std::exchange(o.pid_, -1)),
      pidfd_(std::move(o.pidfd_)),
      over_(std::exchange(o.over_, true)),
      exit_(o.exit_),
      generation_(o.generation_) {}

Process::~Process() {
    if (over_ || pid_ < 0 || !ours()) return;
    (void)signal(SIGKILL);
    (void)wait(Deadline::never());
}

Result<> Process::signal(int number) {
    if (over_) return wye::fail(Errc::not_found, "kill");
    const long r = pidfd_send_signal(pidfd_.get(), number);
    return r < 0 ? Result<>(fail(r, "kill")) : Result<>();
}

Result<> Process::signal_group(int number) {
    if (pidfd_ == nullptr) return wye::fail(Errc::not_found, "kill");
    long r = pidfd_send_signal(pidfd_.get(), number, PIDFD_SIGNAL_PROCESS_GROUP);
    if (r == -EINVAL) {
        siginfo_t info{};
        const int look = WEXITED | WNOHANG | WNOWAIT;
        r = over_ ? -ESRCH : sys::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, look);
        if (r == 0) r = sys::kill(-pid_, number);
        if (r == -ECHILD) r = -ESRCH;
    }
    return r < 0 ? Result<>(fail(r, "kill")) : Result<>();
}

Result<Exit> Process::wait(Deadline deadline) {
    if (over_) return exit_;
    if (auto ready = wait_ready(pidfd_.get(), POLLIN, deadline); !ready) return std::unexpected(ready.error());
    siginfo_t info{};
    const long r = sys::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED);
    if (r == -EINTR) return wait(deadline);
    if (r < 0 && r != -ECHILD) return fail(r, "waitid");
    over_ = true;
    if (r == 0)
        exit_ = info.si_code == CLD_EXITED ? Exit{.status = info.si_status} : Exit{.signal = info.si_status};
    else
        exit_ = exit_seen_by(pidfd_.get());
    return exit_;
}

}  // namespace wye::sys
