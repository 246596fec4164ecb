// fork() copies one thread. A lock that another thread held stays locked in the child for ever: so exec, soon.
#include "../demo.hpp"

#include <pthread.h>

#include <cerrno>
#include <thread>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int main() {
    int holds[2], let_go[2];
    claim(pipe(holds) == 0 && pipe(let_go) == 0, "pipes");
    std::thread other([&] {
        char c;
        pthread_mutex_lock(&lock);
        if (write(holds[1], "x", 1) != 1 || read(let_go[0], &c, 1) != 1) std::abort();
        pthread_mutex_unlock(&lock);
    });
    char c;
    claim(read(holds[0], &c, 1) == 1, "another thread holds the lock, as malloc's might be held");
    const pid_t child = start([] { return pthread_mutex_trylock(&lock) == EBUSY ? 3 : 4; });
    const pid_t runs = start([] {  // only async-signal-safe calls between fork and exec
        char name[] = "true", *arguments[] = {name, nullptr};
        execv("/bin/true", arguments);
        return 127;
    });
    claim(write(let_go[1], "x", 1) == 1, "now it lets go");
    other.join();
    claim(pthread_mutex_trylock(&lock) == 0, "in the parent the lock is free again");
    claim(answer_of(child) == 3, "in the child nobody was left who could have freed it");
    claim(answer_of(runs) == 0, "a program that is started anew has none of that");
}
