// A System V message queue: full, empty, asked for by type, and removed under who waits.
#include "../demo.hpp"

#include <sys/ipc.h>
#include <sys/msg.h>

#include <cerrno>

struct Message {
    long type;
    char text[1024];
};

int main() {
    const int queue = msgget(IPC_PRIVATE, 0600);
    if (queue < 0) return 77;
    static Message m;
    int sent = 0;
    for (m.type = 1; msgsnd(queue, &m, sizeof m.text, IPC_NOWAIT) == 0; m.type = 1 + sent % 2) ++sent;
    const bool full = errno == EAGAIN;
    int twos = 0, rest = 0;
    while (msgrcv(queue, &m, sizeof m.text, 2, IPC_NOWAIT) >= 0) ++twos;
    const bool none = errno == ENOMSG;
    while (msgrcv(queue, &m, sizeof m.text, 0, IPC_NOWAIT) >= 0) ++rest;
    const pid_t reader = start([&] {
        if (msgrcv(queue, &m, sizeof m.text, 0, 0) >= 0) return 1;
        return errno == EIDRM || errno == EINVAL ? 0 : 2;  // EINVAL: it was gone before the call
    });
    msgctl(queue, IPC_RMID, nullptr);
    claim(full, "full: EAGAIN");
    claim(none && twos == sent / 2, "one type can be taken out; no more of it: ENOMSG");
    claim(rest == sent - twos, "the others wait in their order");
    claim(answer_of(reader) == 0, "removed: who waits is told");
}
