#include "os/fork.hpp"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <vector>

namespace wye::sys {
namespace {

std::uint64_t generation = 1;             // changed in a child only, while it has one thread
std::atomic<std::uint64_t> next_mark{0};  // 0: not seeded in this process

// Never destroyed: a fork may come after the end of main().
struct Held {
    std::mutex mutex;
    std::vector<std::mutex*> all;
};
Held& held() {
    static auto* const h = new Held;
    return *h;
}

// One after the other: nobody has two of them, or one and then the list.
void before() {
    held().mutex.lock();
    for (auto* m : held().all) m->lock();
}

void after() {
    for (auto* m : held().all) m->unlock();
    held().mutex.unlock();
}

void in_child() {
    after();
    ++generation;
    next_mark.store(0, std::memory_order_relaxed);
}

// When the program is loaded: asked for at every message, a once_flag would be most of the cost.
[[maybe_unused]] const int watched = ::pthread_atfork(before, after, in_child);

std::uint64_t random_seed() noexcept {
    std::uint64_t v = 0;
    if (::getrandom(&v, sizeof v, GRND_NONBLOCK) != sizeof v) {  // before the kernel's pool is ready, at boot
        timespec t{};
        ::clock_gettime(CLOCK_MONOTONIC, &t);
        v = static_cast<std::uint64_t>(t.tv_nsec) << 32 ^ static_cast<std::uint64_t>(::getpid()) << 12 ^
            static_cast<std::uint64_t>(t.tv_sec);
    }
    return v | 1;
}

}  // namespace

std::uint64_t unique_mark() noexcept {
    auto seen = next_mark.load(std::memory_order_relaxed);
    if (seen == 0) {
        // The first to seed wins; relaxed, for the number carries no other data.
        const auto seed = random_seed();
        if (next_mark.compare_exchange_strong(seen, seed, std::memory_order_relaxed)) seen = seed;
    }
    return next_mark.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t fork_generation() noexcept { return generation; }
const std::uint64_t* fork_generation_word() noexcept { return &generation; }

HeldAtFork::HeldAtFork(std::mutex& m) : mutex_(m) {
    const std::lock_guard lock(held().mutex);
    held().all.push_back(&m);
}

HeldAtFork::~HeldAtFork() {
    const std::lock_guard lock(held().mutex);
    std::erase(held().all, &mutex_);
}

}  // namespace wye::sys
