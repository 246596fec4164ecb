// A handler makes a call that waits answer EINTR, unless it was set with SA_RESTART; some calls do not care.
#include "../demo.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include <cerrno>

static int ends[2];
static volatile sig_atomic_t alarms;

void handler(int) {
    const int saved = errno;
    alarms = alarms + 1;
    if (alarms == 3 && write(ends[1], "x", 1) < 0) _exit(2);  // ends the wait, whatever happens
    errno = saved;
}

int main() {
    claim(pipe(ends) == 0, "pipe");
    const itimerval every_20_ms = {{0, 20'000}, {0, 20'000}};
    struct sigaction on_alarm = {};
    on_alarm.sa_handler = handler;
    char c;

    on_alarm.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &on_alarm, nullptr);
    setitimer(ITIMER_REAL, &every_20_ms, nullptr);
    claim(read(ends[0], &c, 1) == 1 && alarms >= 3, "with SA_RESTART read() goes on after each signal");

    pollfd p = {ends[0], POLLIN, 0};
    claim(poll(&p, 1, 10'000) < 0 && errno == EINTR, "poll() does not, even with SA_RESTART");
    on_alarm.sa_flags = 0;
    sigaction(SIGALRM, &on_alarm, nullptr);
    claim(read(ends[0], &c, 1) < 0 && errno == EINTR, "without SA_RESTART read() is interrupted");
}
