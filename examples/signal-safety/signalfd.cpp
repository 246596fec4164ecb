// signalfd: the signal is read from a descriptor. No handler, no restrictions, and it says who sent it.
#include "../demo.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

int main() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);  // in a program with threads: pthread_sigmask, before the first is started
    const int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    claim(signals >= 0, "signalfd");

    int input[2];
    claim(pipe(input) == 0, "a pipe with something else to do");
    const pid_t parent = getpid();
    const pid_t child = start([&] { return kill(parent, SIGUSR1) == 0 && write(input[1], "x", 1) == 1 ? 0 : 1; });
    bool signalled = false, data = false;
    while (!signalled || !data) {
        pollfd p[] = {{signals, POLLIN, 0}, {input[0], POLLIN, 0}};
        claim(poll(p, 2, 10'000) > 0, "something comes, and no signal interrupts");
        char c;
        signalfd_siginfo s;
        if (p[0].revents != 0) {
            claim(read(signals, &s, sizeof s) == sizeof s && s.ssi_signo == SIGUSR1, "the signal");
            claim(s.ssi_pid == static_cast<unsigned>(child), "and its sender");
            signalled = true;
        }
        if (p[1].revents != 0) data = read(input[0], &c, 1) == 1;
    }
    claim(answer_of(child) == 0, "both came through one poll");
}
