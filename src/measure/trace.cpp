#include "measure/trace.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>

namespace wye::measure {
namespace {

[[noreturn]] void become(const std::vector<std::string>& argv, unsigned seconds) {
    std::vector<char*> words;
    for (const auto& a : argv) words.push_back(const_cast<char*>(a.c_str()));
    words.push_back(nullptr);
    const int null = open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(null, fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    const rlimit most{.rlim_cur = seconds, .rlim_max = seconds};  // of a processor; it waits for nothing without an end
    setrlimit(RLIMIT_CPU, &most);
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(126);
    execv(words[0], words.data());
    _exit(127);
}

// A signal that a tracee is to get; the stops that tracing itself makes are none.
long delivered(int status) {
    const int s = WSTOPSIG(status);
    return status >> 16 != 0 || s == SIGTRAP || s == SIGSTOP ? 0 : s;
}

}  // namespace

Result<std::uint64_t> count_calls(const std::vector<std::string>& argv, unsigned seconds) {
    const pid_t first = fork();
    if (first < 0) return fail(Errc::exhausted, "fork");
    if (first == 0) become(argv, seconds);
    std::uint64_t stops = 0;
    std::map<pid_t, bool> known;
    for (;;) {
        int status = 0;
        // Of other children of this process there are none while it measures.
        const pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) {
            kill(first, SIGKILL);
            (void)waitpid(first, nullptr, __WALL);
            return fail(errno == EINTR ? Errc::timed_out : Errc::failed, "ptrace");
        }
        if (!WIFSTOPPED(status)) {
            known.erase(pid);
            if (pid != first) continue;
            for (const auto& [other, ours] : known) (void)kill(other, SIGKILL), (void)waitpid(other, nullptr, __WALL);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 126) return fail(Errc::denied, "ptrace");
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail(Errc::failed, "ptrace");
            return stops / 2;
        }
        if (!std::exchange(known[pid], true) && pid == first)
            (void)ptrace(PTRACE_SETOPTIONS, pid, nullptr,
                         PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                             PTRACE_O_EXITKILL);
        long signal = 0;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80))
            ++stops;
        else
            signal = delivered(status);
        (void)ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
    }
}

}  // namespace wye::measure
