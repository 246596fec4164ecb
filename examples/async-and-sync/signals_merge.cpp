// A signal that is already waiting is not queued again; a real-time signal is, in order, and carries a word.
#include "../demo.hpp"

#include <signal.h>
#include <time.h>

#include <cerrno>

int main() {
    const int queued = SIGRTMIN;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, queued);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    for (int i = 1; i <= 3; ++i) {
        sigval word = {};
        word.sival_int = i;
        claim(kill(getpid(), SIGUSR1) == 0 && sigqueue(getpid(), queued, word) == 0, "three of each are sent");
    }
    const timespec at_once = {};
    siginfo_t s;
    claim(sigtimedwait(&set, &s, &at_once) == SIGUSR1 && s.si_pid == getpid(), "one SIGUSR1, and who sent it");
    for (int i = 1; i <= 3; ++i)
        claim(sigtimedwait(&set, &s, &at_once) == queued && s.si_value.sival_int == i,
              "each real-time signal, in order");
    claim(sigtimedwait(&set, &s, &at_once) < 0 && errno == EAGAIN, "and no more");
}
