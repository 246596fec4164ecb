// flock(): read, add one, write back, without a lost update; and the lock of a killed holder is free at once.
#include "../demo.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/file.h>

int main() {
    own_directory();
    const int start_value = 0;
    int fd = open("counter", O_RDWR | O_CREAT, 0600), value = 0;
    claim(pwrite(fd, &start_value, sizeof start_value, 0) == sizeof start_value, "a counter");
    const int failed = together(4, [](int) {
        const int own = open("counter", O_RDWR);  // an inherited descriptor would share the one lock of its description
        for (int i = 0, n; i < 250; ++i) {
            if (flock(own, LOCK_EX) != 0 || pread(own, &n, sizeof n, 0) != sizeof n) return 1;
            sched_yield();  // here others may come between
            ++n;
            if (pwrite(own, &n, sizeof n, 0) != sizeof n || flock(own, LOCK_UN) != 0) return 1;
        }
        return 0;
    });
    claim(failed == 0 && pread(fd, &value, sizeof value, 0) == sizeof value && value == 1000, "4 x 250 is 1000");

    int told[2];
    claim(pipe(told) == 0, "pipe");
    const pid_t holder = start([&] {
        const int own = open("counter", O_RDWR);
        if (flock(own, LOCK_EX) == 0 && write(told[1], "x", 1) == 1) pause();
        return 1;
    });
    char c;
    claim(read(told[0], &c, 1) == 1 && flock(fd, LOCK_EX | LOCK_NB) < 0, "another process holds it");
    kill(holder, SIGKILL);
    waitpid(holder, nullptr, 0);
    claim(flock(fd, LOCK_EX | LOCK_NB) == 0, "it was killed, and the lock is free");
}
