#include "child.hpp"

#include "wye/base/text.hpp"

#include "command.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace wye::cli {
namespace {

constexpr int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

[[noreturn]] void become(const char* verb, const std::vector<std::string>& argv, pid_t parent) {
    // The signal comes when the thread that forked ends, which is why there must be one only.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::raise(SIGTERM);  // it was killed before that
    std::vector<char*> words;
    for (const auto& w : argv) words.push_back(const_cast<char*>(w.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    ::_exit(cannot_run(verb, argv[0], errno));
}

// Its wait status.
int wait_for(pid_t child, const sigset_t& signals) {
    for (;;) {
        int status = 0;
        if (const pid_t r = ::waitpid(child, &status, WNOHANG); r == child) return status;
        siginfo_t info{};
        const int n = ::sigwaitinfo(&signals, &info);
        // What the kernel sends comes from the terminal, and went to the whole group.
        if (n > 0 && n != SIGCHLD && info.si_code <= 0) ::kill(child, n);
    }
}

}  // namespace

int cannot_run(std::string_view verb, const std::string& program, int error) {
    fmt::print(stderr, "wye: {}: exec(\"{}\"): {}\n", verb, escape(program), std::strerror(error));
    std::fflush(stderr);
    return error == ENOENT || error == ENOTDIR ? exit_no_command : exit_cannot_run;
}

Dispositions::Dispositions() noexcept {
    for (int n = 1; n < 32; ++n) {
        struct sigaction a{};
        if (::sigaction(n, nullptr, &a) == 0 && a.sa_handler == SIG_IGN) ignored_ |= 1ul << n;
    }
    ignored_ &= ~(1ul << SIGPIPE);  // main() ignores it, and a command wants it
}

bool Dispositions::ignores(int signal) const noexcept { return (ignored_ >> signal & 1) != 0; }

void Dispositions::restore() const noexcept {
    for (int n = 1; n < 32; ++n)
        if (n != SIGKILL && n != SIGSTOP) ::signal(n, ignores(n) ? SIG_IGN : SIG_DFL);
}

int run_child(const char* verb, const std::vector<std::string>& argv, const Dispositions& before) {
    // Blocked and asked for: none is lost, and none comes between two steps.
    sigset_t signals, mask;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (const int n : forwarded)
        if (!before.ignores(n)) sigaddset(&signals, n);
    ::signal(SIGCHLD, SIG_DFL);  // ignored, it would take the exit status away
    ::sigprocmask(SIG_BLOCK, &signals, &mask);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        ::sigprocmask(SIG_SETMASK, &mask, nullptr);
        return report(verb, Error(Errc::exhausted, "fork", {}, errno));
    }
    if (child == 0) {
        before.restore();
        ::sigprocmask(SIG_SETMASK, &mask, nullptr);
        become(verb, argv, parent);
    }
    const int status = wait_for(child, signals);
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace wye::cli
