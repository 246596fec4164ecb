// The self-pipe: a handler writes one byte, which poll() sees beside everything else.
#include "../demo.hpp"

#include <poll.h>
#include <signal.h>

#include <cerrno>

static int self[2];

int main() {
    claim(pipe2(self, O_NONBLOCK | O_CLOEXEC) == 0, "pipe");  // a full pipe must not stop the handler
    struct sigaction on_usr1 = {};
    on_usr1.sa_flags = SA_RESTART;
    on_usr1.sa_handler = [](int) {
        const int saved = errno;  // the handler may have come between a call and the look at its errno
        if (write(self[1], "", 1) < 0) {}
        errno = saved;
    };
    claim(sigaction(SIGUSR1, &on_usr1, nullptr) == 0, "sigaction");

    int input[2];
    claim(pipe(input) == 0, "a pipe with something else to do");
    const pid_t parent = getpid();
    const pid_t child = start([&] { return kill(parent, SIGUSR1) == 0 && write(input[1], "x", 1) == 1 ? 0 : 1; });
    bool signalled = false, data = false;
    while (!signalled || !data) {
        pollfd p[] = {{self[0], POLLIN, 0}, {input[0], POLLIN, 0}};
        if (poll(p, 2, -1) < 0) continue;  // EINTR: poll is never restarted; the byte is there
        char c;
        if (p[0].revents != 0) signalled = read(self[0], &c, 1) == 1;
        if (p[1].revents != 0) data = read(input[0], &c, 1) == 1;
    }
    claim(answer_of(child) == 0, "both came through one poll");
}
