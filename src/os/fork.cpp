#include "os/fork.hpp"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

namespace wye::sys {
namespace {

std::uint64_t generation = 1;             // changed in a child only, while it has one thread
std::atomic<std::uint64_t> next_mark{0};  // 0: not seeded in this process

void in_child() {
    ++generation;
    next_mark.store(0, std::memory_order_relaxed);
}

// When the program is loaded: asked for at every message, a once_flag would be most of the cost.
[[maybe_unused]] const int watched = ::pthread_atfork(nullptr, nullptr, in_child);

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

}  // namespace wye::sys
