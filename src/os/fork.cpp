#include "os/fork.hpp"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <mutex>

namespace wye::sys {
namespace {

std::atomic<std::uint64_t> generation{1};
std::atomic<std::uint64_t> next_mark{0};  // 0: not seeded in this process

void in_child() {
    generation.fetch_add(1, std::memory_order_relaxed);
    next_mark.store(0, std::memory_order_relaxed);
}

void watch_forks() {
    static std::once_flag once;
    std::call_once(once, [] { ::pthread_atfork(nullptr, nullptr, in_child); });
}

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
    watch_forks();
    auto seen = next_mark.load(std::memory_order_relaxed);
    if (seen == 0) {
        // The first to seed wins; relaxed, for the number carries no other data.
        const auto seed = random_seed();
        if (next_mark.compare_exchange_strong(seen, seed, std::memory_order_relaxed)) seen = seed;
    }
    return next_mark.fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t fork_generation() noexcept {
    watch_forks();
    return generation.load(std::memory_order_relaxed);
}

}  // namespace wye::sys
