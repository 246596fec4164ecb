// A function with a lock is thread-safe. Called by a handler that interrupted it, it would wait for itself.
#include "../demo.hpp"

#include <pthread.h>
#include <signal.h>

#include <cerrno>
#include <thread>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count = 0, seen_by_handler = 0;

void add_one(bool with_a_signal_inside = false) {
    pthread_mutex_lock(&lock);
    ++count;
    if (with_a_signal_inside) raise(SIGUSR1);  // here, as it could come at any time
    pthread_mutex_unlock(&lock);
}

int main() {
    std::thread a([] {
        for (int i = 0; i < 10'000; ++i) add_one();
    });
    std::thread b([] {
        for (int i = 0; i < 10'000; ++i) add_one();
    });
    a.join();
    b.join();
    claim(count == 20'000, "thread-safe: nothing is lost");

    // The handler asks what pthread_mutex_lock() would do (neither of the two is allowed in a handler otherwise).
    signal(SIGUSR1, [](int) { seen_by_handler = pthread_mutex_trylock(&lock); });
    add_one(true);
    claim(seen_by_handler == EBUSY, "not async-signal-safe: add_one() in the handler would never come back");
}
