// A deadline, not a timeout: a wait that signals interrupt goes on with what is left, by a clock that nobody sets.
#include "../demo.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include <cerrno>

long now_ms() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

// 1: readable; 0: the deadline passed.
int wait_readable(int fd, long deadline_ms) {
    for (;;) {
        const long left = deadline_ms - now_ms();
        pollfd p = {fd, POLLIN, 0};
        const int n = poll(&p, 1, left > 0 ? static_cast<int>(left) : 0);
        if (n >= 0 || errno != EINTR) return n;
    }
}

int main() {
    struct sigaction ignore = {};
    ignore.sa_handler = [](int) {};
    sigaction(SIGALRM, &ignore, nullptr);
    const itimerval every_10_ms = {{0, 10'000}, {0, 10'000}};
    setitimer(ITIMER_REAL, &every_10_ms, nullptr);  // a poll of 100 ms, begun anew after each signal, would never end
    int ends[2];
    claim(pipe(ends) == 0, "pipe");
    const long begin = now_ms();
    claim(wait_readable(ends[0], begin + 100) == 0, "nothing came by the deadline");
    claim(now_ms() - begin >= 99, "and it waited until then");
    claim(write(ends[1], "x", 1) == 1 && wait_readable(ends[0], begin) == 1, "a deadline that has passed still looks");
}
