// Two thread-safe calls are not one thread-safe step: both threads see that there is one left, and both take it.
#include "../demo.hpp"

#include <atomic>
#include <barrier>
#include <thread>

static std::atomic<int> left{1}, taken{0};
static std::barrier both(2);

void look_then_take() {
    const bool there = left > 0;
    both.arrive_and_wait();  // the other thread comes between, as it could at any time
    if (there) --left, ++taken;
}

void take_in_one_step() {
    int n = left;
    while (n > 0)
        if (left.compare_exchange_weak(n, n - 1)) return (void)++taken;
}

int in_two_threads(void (*take)()) {
    left = 1, taken = 0;
    std::thread a(take), b(take);
    a.join();
    b.join();
    return taken;
}

int main() {
    claim(in_two_threads(look_then_take) == 2 && left == -1, "one was there, two were taken");
    claim(in_two_threads(take_in_one_step) == 1 && left == 0, "in one step: one");
}
