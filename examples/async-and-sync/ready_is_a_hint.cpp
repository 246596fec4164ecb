// Readiness is about the past: two are told, one gets it. So what others read too is read without waiting.
#include "../demo.hpp"

#include <poll.h>

#include <cerrno>

int main() {
    int ends[2], told[2], go[2];
    claim(pipe2(ends, O_NONBLOCK) == 0 && pipe(told) == 0 && pipe(go) == 0, "pipes");
    pid_t readers[2];
    for (pid_t& reader : readers)
        reader = start([&] {
            char c;
            pollfd p = {ends[0], POLLIN, 0};
            if (poll(&p, 1, -1) != 1 || write(told[1], "t", 1) != 1 || read(go[0], &c, 1) != 1) return 100;
            if (read(ends[0], &c, 1) == 1) return 1;
            return errno == EAGAIN ? 10 : 100;
        });
    char c;
    claim(write(ends[1], "x", 1) == 1, "one byte");
    claim(read(told[0], &c, 1) == 1 && read(told[0], &c, 1) == 1, "both readers were told that there is something");
    claim(write(go[1], "gg", 2) == 2, "now they read");
    claim(answer_of(readers[0]) + answer_of(readers[1]) == 11, "one has it, the other EAGAIN; a plain read would wait");
}
