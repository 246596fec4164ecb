#include "measure/life.hpp"

#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace wye::measure {
namespace {

constexpr id_t nobody = 65534;

void must(int r, const char* call) {
    if (r < 0) throw std::runtime_error(std::string(call) + ": " + std::strerror(errno));
}

void becomes_nobody() {
    must(setgroups(0, nullptr), "setgroups");
    must(setresgid(nobody, nobody, nobody), "setresgid");
    must(setresuid(nobody, nobody, nobody), "setresuid");
    // As of a program that this user started; and what was asked of the kernel before is forgotten with the user.
    must(prctl(PR_SET_DUMPABLE, 1), "prctl");
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
}

[[noreturn]] void looks_after(pid_t child, bool reaps) {
    close_range(3, ~0u, 0);  // or what the dead one had would be kept open from here
    int status = 0;
    while (reaps && waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    if (reaps && WIFEXITED(status)) _exit(WEXITSTATUS(status));  // the board says why
    for (;;) pause();
}

}  // namespace

void live(Life life, std::atomic<std::uint64_t>& pid, const std::function<void()>& body) {
    const auto keeper = getpid();
    if (life == Life::pidns) must(unshare(CLONE_NEWPID), "unshare");
    pid = 0;
    const auto child = fork();
    must(child, "fork");
    if (child > 0) {
        pid = static_cast<std::uint64_t>(child);
        looks_after(child, life != Life::zombie);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (life != Life::pidns && getppid() != keeper) _exit(1);
    if (life == Life::user) becomes_nobody();
    while (pid == 0) ::usleep(50);  // who kills it knows it by then
    body();
}

void kill_for_certain(pid_t pid) noexcept {
    if (pid <= 0) return;  // kill(2) would take it for a group, or for everybody
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    kill(pid, SIGKILL);
    pollfd dead{.fd = fd, .events = POLLIN, .revents = 0};
    while (fd >= 0 && poll(&dead, 1, -1) < 0 && errno == EINTR) {}
    if (fd >= 0) close(fd);
}

PassableDirectory::PassableDirectory(std::string path) : path_(std::move(path)) {
    struct stat s{};
    if (!path_.empty() && stat(path_.c_str(), &s) != 0) path_.clear();
    if (path_.empty()) return;
    mode_ = s.st_mode & 07777;
    (void)chmod(path_.c_str(), mode_ | S_IXGRP | S_IXOTH);
}
PassableDirectory::~PassableDirectory() {
    if (!path_.empty()) (void)chmod(path_.c_str(), mode_);
}

}  // namespace wye::measure
