#include "os/wait.hpp"

#include "os/errno.hpp"

#include <csignal>
#include <mutex>

namespace wye::sys {
namespace {

void nothing(int) {}

// True when the signal interrupts calls and harms nobody: it does by a handler of the program's own, or by ours, which
// is installed where there is none.
bool rings(int number) {
    struct sigaction now{};
    ::sigaction(number, nullptr, &now);
    if ((now.sa_flags & SA_SIGINFO) || (now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN))
        return !(now.sa_flags & SA_RESTART);
    struct sigaction ours{};
    ours.sa_handler = nothing;  // no SA_RESTART: the interruption is the purpose
    return ::sigaction(number, &ours, nullptr) == 0;
}

// SIGURG, or where the program's handler for it restarts calls, the highest real-time signal that nobody uses.
int install_bell() {
    if (rings(SIGURG)) return SIGURG;
    for (int n = SIGRTMAX; n > SIGRTMIN; --n) {
        struct sigaction now{};
        ::sigaction(n, nullptr, &now);
        const bool free = !(now.sa_flags & SA_SIGINFO) && (now.sa_handler == SIG_DFL || now.sa_handler == nothing);
        if (free && rings(n)) return n;
    }
    return SIGURG;
}

timespec to_timespec(std::chrono::nanoseconds t) noexcept {
    return {.tv_sec = static_cast<time_t>(t.count() / 1'000'000'000),
            .tv_nsec = static_cast<long>(t.count() % 1'000'000'000)};
}

}  // namespace

Left::Left(Deadline d) noexcept : never_(d.is_never()) {
    if (!never_) t_ = to_timespec(d.left());
}

Result<short> wait_ready(int fd, short events, Deadline deadline) {
    for (;;) {
        pollfd p{.fd = fd, .events = events, .revents = 0};
        const Left left(deadline);
        const long r = sys::ppoll(&p, 1, left.get());
        if (r > 0) return p.revents;
        if (r == 0) return wye::fail(Errc::timed_out);
        if (r != -EINTR) return fail(r, "ppoll");
        if (deadline.passed() && !deadline.is_now()) return wye::fail(Errc::timed_out);
    }
}

Interrupt::Interrupt(Deadline d) noexcept {
    if (d.is_never() || d.is_now()) return;
    // Asked every time: a program may have reset the signal since (an exec'd or forked part of it, say).
    const int bell_signal = install_bell();
    sigevent e{};
    e.sigev_notify = SIGEV_THREAD_ID;
    e.sigev_signo = bell_signal;
    e._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
    if (::timer_create(CLOCK_MONOTONIC, &e, &timer_) != 0) return;
    itimerspec when{.it_interval = {.tv_sec = 0, .tv_nsec = 5'000'000}, .it_value = to_timespec(d.left())};
    if (when.it_value.tv_sec == 0 && when.it_value.tv_nsec == 0) when.it_value.tv_nsec = 1;
    ::timer_settime(timer_, 0, &when, nullptr);
    sigset_t bell;
    sigemptyset(&bell);
    sigaddset(&bell, bell_signal);
    ::pthread_sigmask(SIG_UNBLOCK, &bell, &before_);
    armed_ = true;
}

Interrupt::~Interrupt() {
    if (!armed_) return;
    ::timer_delete(timer_);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace wye::sys
