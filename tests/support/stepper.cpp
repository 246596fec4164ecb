#include "support/stepper.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wye::test {

// The child says by SIGSTOP where the body begins and where it is over.
Stepped::Stepped(const std::function<void()>& before, const std::function<void()>& body) {
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(1);
        before();
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
        ::raise(SIGSTOP);
        body();
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    over_ = !wait_stop();
}

Stepped::~Stepped() { kill(); }

bool Stepped::wait_stop() {
    int status = 0;
    return ::waitpid(pid_, &status, 0) == pid_ && WIFSTOPPED(status);
}

// False when it stopped for another reason than the step: the body is over.
bool Stepped::go(int how) {
    int status = 0;
    if (!over_)
        over_ = ::ptrace(static_cast<__ptrace_request>(how), pid_, nullptr, nullptr) != 0 ||
                ::waitpid(pid_, &status, 0) != pid_ || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP;
    return !over_;
}

long Stepped::step(long n) {
    for (long i = 0; i < n; ++i)
        if (!go(PTRACE_SINGLESTEP)) return i;
    return n;
}

long Stepped::step_calls(long n) {
    for (long i = 0; i < n; ++i)
        if (!go(PTRACE_SYSCALL)) return i;
    return n;
}

void Stepped::finish() { go(PTRACE_CONT); }

void Stepped::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    over_ = true;
}

bool may_step() {
    return !Stepped([] {}, [] {}).over();
}

long instructions(const std::function<void()>& before, const std::function<void()>& body) {
    return Stepped(before, body).step(10'000'000);
}

long calls(const std::function<void()>& before, const std::function<void()>& body) {
    return Stepped(before, body).step_calls(100'000);
}

}  // namespace wye::test
