// One poll() for everything: bytes, a counter, a time, a signal, a message, a process.
#include "../demo.hpp"

#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

int main() {
    int ends[2];
    claim(pipe(ends) == 0, "pipe");
    const int counter = eventfd(0, EFD_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    const int signals = signalfd(-1, &set, SFD_CLOEXEC);
    char name[32];
    std::snprintf(name, sizeof name, "/wye-example-%d", getpid());
    const mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, nullptr);
    mq_unlink(name);
    const pid_t child = start([] { return pause(); });
    const int process = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    if (queue < 0 || process < 0) return kill(child, SIGKILL), 77;

    pollfd all[6];
    const int fds[6] = {ends[0], counter, timer, signals, queue, process};
    for (int i = 0; i < 6; ++i) all[i] = {fds[i], POLLIN, 0};
    claim(poll(all, 6, 0) == 0, "nothing has happened");
    const itimerspec soon = {{}, {0, 1}};
    claim(write(ends[1], "x", 1) == 1 && eventfd_write(counter, 1) == 0, "two happen");
    claim(timerfd_settime(timer, 0, &soon, nullptr) == 0 && kill(getpid(), SIGUSR1) == 0, "two more");
    claim(mq_send(queue, "x", 1, 0) == 0 && kill(child, SIGKILL) == 0, "and the last two");
    for (pollfd& p : all) claim(poll(&p, 1, 5000) == 1 && p.revents == POLLIN, "each of them comes");
    claim(poll(all, 6, 0) == 6, "and one call tells of all");
    waitpid(child, nullptr, 0);
}
