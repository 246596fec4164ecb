// A POSIX message queue: the sender may be gone before the receiver comes; the highest priority is received first.
#include "../demo.hpp"

#include <mqueue.h>
#include <time.h>

#include <cerrno>

static char name[32];

int main() {
    std::snprintf(name, sizeof name, "/wye-example-%d", getpid());
    mq_attr form = {};
    form.mq_maxmsg = 2;
    form.mq_msgsize = 16;
    const mqd_t made = mq_open(name, O_RDONLY | O_NONBLOCK | O_CREAT | O_EXCL, 0600, &form);
    if (made < 0 && errno == ENOSYS) return 77;
    claim(made >= 0, "mq_open");
    const pid_t sender = start([] {
        const mqd_t q = mq_open(name, O_WRONLY | O_NONBLOCK);
        if (mq_send(q, "later", 5, 1) != 0 || mq_send(q, "first", 5, 9) != 0) return 1;
        if (mq_send(q, "more", 4, 1) == 0 || errno != EAGAIN) return 2;  // full: two messages
        const timespec past = {};
        const mqd_t waiting = mq_open(name, O_WRONLY);
        return mq_timedsend(waiting, "more", 4, 1, &past) < 0 && errno == ETIMEDOUT ? 0 : 3;
    });
    const int answer = answer_of(sender);
    mq_unlink(name);  // whoever has it open keeps it
    claim(answer == 0, "the sender sent two, was told that it is full, and is gone");

    char text[16];
    unsigned priority;
    claim(mq_receive(made, text, sizeof text, &priority) == 5 && priority == 9, "the higher priority comes first");
    claim(mq_receive(made, text, sizeof text, &priority) == 5 && priority == 1, "then the other");
    claim(mq_receive(made, text, sizeof text, nullptr) < 0 && errno == EAGAIN,
          "empty: EAGAIN; there is no end of file");
    mq_close(made);
}
