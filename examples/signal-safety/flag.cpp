// A handler that only sets a flag. The flag is lock-free, and waiting for it leaves no gap.
#include "../demo.hpp"

#include <signal.h>

#include <atomic>

static std::atomic<bool> asked{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // or the handler might wait for a lock that is held below it

int main() {
    struct sigaction on_term = {};
    on_term.sa_handler = [](int) { asked = true; };
    claim(sigaction(SIGTERM, &on_term, nullptr) == 0, "sigaction");
    sigset_t term, before;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);  // between looking at the flag and waiting, no handler can run

    const pid_t parent = getpid();
    const pid_t child = start([&] { return kill(parent, SIGTERM); });
    while (!asked) sigsuspend(&before);  // unblocks and waits in one step: a plain pause() could sleep on
    claim(asked, "asked to end, in the main flow, where everything is allowed");
    claim(answer_of(child) == 0, "by the child");
}
