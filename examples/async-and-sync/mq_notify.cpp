// mq_notify(): one process is told, once, when a message comes into an empty queue.
#include "../demo.hpp"

#include <mqueue.h>
#include <signal.h>
#include <time.h>

#include <cerrno>

int main() {
    char name[32], text[16];
    std::snprintf(name, sizeof name, "/wye-example-%d", getpid());
    mq_attr form = {};
    form.mq_maxmsg = 4;
    form.mq_msgsize = sizeof text;
    const mqd_t q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &form);
    if (q < 0 && errno == ENOSYS) return 77;
    mq_unlink(name);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    sigevent how = {};
    how.sigev_notify = SIGEV_SIGNAL;
    how.sigev_signo = SIGUSR1;
    const timespec at_once = {}, long_enough = {10, 0};
    siginfo_t s;

    claim(mq_notify(q, &how) == 0 && mq_notify(q, &how) < 0 && errno == EBUSY, "one may be told");
    claim(mq_send(q, "a", 1, 0) == 0 && sigtimedwait(&set, &s, &long_enough) == SIGUSR1, "a message comes: told");
    claim(s.si_code == SI_MESGQ, "and why");
    claim(mq_notify(q, &how) == 0, "told once: who wants to be told again says so again");
    claim(mq_send(q, "b", 1, 0) == 0 && sigtimedwait(&set, &s, &at_once) < 0, "not empty before: not told");
    claim(mq_receive(q, text, sizeof text, nullptr) == 1 && mq_receive(q, text, sizeof text, nullptr) == 1,
          "so read all");
    claim(mq_send(q, "c", 1, 0) == 0 && sigtimedwait(&set, &s, &long_enough) == SIGUSR1, "and the next one tells");
    mq_close(q);
}
