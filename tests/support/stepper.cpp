#include "support/stepper.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <unordered_map>

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

#ifdef __x86_64__
std::uintptr_t Stepped::at() const {
    return static_cast<std::uintptr_t>(::ptrace(PTRACE_PEEKUSER, pid_, offsetof(user, regs.rip), nullptr));
}

bool Stepped::run_to(std::uintptr_t address, long nth) {
    const auto set = [&](std::size_t which, std::uintptr_t value) {
        return ::ptrace(PTRACE_POKEUSER, pid_, offsetof(user, u_debugreg) + which * sizeof(long), value) == 0;
    };
    constexpr std::uintptr_t on = 1;  // the first one, when it is executed
    if (over_ || address == 0 || !set(0, address) || !set(7, on)) return false;
    for (; nth > 0 && go(PTRACE_CONT); --nth) {}
    set(7, 0);
    return true;
}
#else
std::uintptr_t Stepped::at() const { return 0; }
bool Stepped::run_to(std::uintptr_t, long) { return false; }
#endif

void Stepped::follow(const Path& path, long i) {
    i = std::min(i, path.size() - 1);
    long best = i, from = 0;
    for (long j = i; j > 0 && i - j < best; --j)
        if (const auto nth = path.all[static_cast<std::size_t>(j)].nth; nth > 0 && nth + i - j < best)
            best = nth + i - j, from = j;
    const auto& [address, nth] = path.all[static_cast<std::size_t>(from)];
    if (from > 0 && run_to(address, nth)) i -= from;
    step(i);
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

Path trace(Stepped& one, const std::function<bool(std::uintptr_t)>& look) {
    Path path;
    std::unordered_map<std::uintptr_t, long> visits;
    while (!one.over() && path.size() < 10'000'000) {
        const auto at = one.at();
        const bool same = !path.all.empty() && path.all.back().address == at;
        path.all.push_back({at, same ? 0 : ++visits[at]});
        one.step(1);
        if (look && !one.over() && look(at)) path.seen.push_back(path.size());
    }
    return path;
}

bool is_call(std::uintptr_t address) {
#if defined(__x86_64__)
    unsigned char code[2] = {};
    const iovec to{code, sizeof code}, from{reinterpret_cast<void*>(address), sizeof code};
    if (address != 0 && ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == sizeof code)
        return code[0] == 0x0f && code[1] == 0x05;
#endif
    (void)address;
    return true;
}

long instructions(const std::function<void()>& before, const std::function<void()>& body) {
    return Stepped(before, body).step(10'000'000);
}

long calls(const std::function<void()>& before, const std::function<void()>& body) {
    return Stepped(before, body).step_calls(100'000);
}

}  // namespace wye::test
