// sigtimedwait: a thread waits for signals as for anything else, with a time to give up.
#include "../demo.hpp"

#include <signal.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <thread>

int main() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);  // every thread started from here on inherits it
    std::atomic<int> reloads{0};
    std::thread signals([&] {
        const timespec long_enough = {10, 0};
        for (int s; (s = sigtimedwait(&set, nullptr, &long_enough)) != SIGTERM;)
            if (s == SIGHUP)
                ++reloads;  // here anything may be called: locks, memory, stdio
            else if (errno != EINTR)
                return;
    });
    claim(kill(getpid(), SIGHUP) == 0, "a signal to the process, not to a thread");
    while (reloads == 0) sched_yield();
    claim(kill(getpid(), SIGTERM) == 0, "another ends the thread");
    signals.join();
    const timespec at_once = {};
    claim(reloads == 1 && sigtimedwait(&set, nullptr, &at_once) < 0 && errno == EAGAIN, "each was taken once");
}
