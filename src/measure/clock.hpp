// The cheapest clock there is: it is read twice a message.
#pragma once
#include <chrono>
#include <cstdint>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace wye::measure {

/// Counts up at one speed, the same in every process of this machine.
inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
    unsigned core;
    return __rdtscp(&core);
#else
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

/// Found by looking at both clocks for 5 ms, once a process.
inline double ns_a_tick() {
    static const double found = [] {
        using Clock = std::chrono::steady_clock;
        const auto begin = Clock::now();
        const auto first = ticks();
        while (Clock::now() - begin < std::chrono::milliseconds(5)) {}
        const auto last = ticks();
        return std::chrono::duration<double, std::nano>(Clock::now() - begin).count() /
               static_cast<double>(last - first);
    }();
    return found;
}

inline std::uint64_t ticks_of(std::chrono::nanoseconds t) {
    return static_cast<std::uint64_t>(static_cast<double>(t.count()) / ns_a_tick());
}

inline void relax() noexcept {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// So that the compiler neither leaves out what made these bytes nor supposes that they are the same next time.
inline void touched(const void* p) noexcept { asm volatile("" : : "r"(p) : "memory"); }

}  // namespace wye::measure
