// Sleeping until somebody has made something different, at no cost for who does while nobody sleeps.
#pragma once
#include "wye/transport/shm_ring/layout.hpp"

namespace wye::ring {

/// Wakes up to `most` of who sleeps, and rings the descriptors that are armed. Called when somebody_sleeps().
struct Waker {
    virtual void wake(Bell&, int most) noexcept = 0;

protected:
    ~Waker() = default;
};

/// Perhaps. Asked behind a fence: it never misses one.
inline bool somebody_sleeps(const Bell& b) noexcept { return (b.announced.load(order::relaxed) & 1) != 0; }

/// For who changed something. `most`: how many sleepers can do something with it.
struct Ringer {
    Bell* bell = nullptr;
    Waker* waker = nullptr;
    int most = 1;
    bool fences = true;  ///< false: the sleepers' membarrier(2) reaches this process

    void operator()() const noexcept {
        if (fences)
            fence(order::look_for_sleepers);
        else
            std::atomic_signal_fence(std::memory_order_seq_cst);
        if (somebody_sleeps(*bell)) [[unlikely]]
            waker->wake(*bell, most);
    }
};

/// For who is about to sleep: announced first, looked again second, then futex_wait(event, seen).
inline std::uint32_t announce(Bell& b) noexcept {
    const auto seen = b.event.load(order::relaxed);  // first: a wake between here and the sleep shows
    auto announced = b.announced.load(order::relaxed);
    while (!b.announced.compare_exchange_weak(announced, (announced + 2) | 1, order::relaxed)) {}
    fence(order::announce);  // the caller's membarrier(2) makes the others' a full one, too
    return seen;
}

/// What a Waker does, by `wake(event, most)`, which answers how many slept on it.
template <class Wake>
void wake_by(Bell& b, int most, Wake&& wake) noexcept {
    auto seen = b.announced.load(order::relaxed);
    if ((seen & 1) == 0) return;
    if (!bug(12)) b.event.fetch_add(1, order::relaxed);
    // Who announced himself before `seen` was read either sleeps, and is woken, or finds another event. When not all
    // were woken somebody may sleep on, and the next one to ring must see it. Who has announced himself since made
    // another number of it, whatever became of it meanwhile.
    const bool all_woken = wake(b.event, most) < most;
    if (bug(12)) b.event.fetch_add(1, order::relaxed);
    if (bug(16)) return b.announced.store(seen & ~1u, order::relaxed);
    if (all_woken) b.announced.compare_exchange_strong(seen, seen & ~1u, order::relaxed);
}

}  // namespace wye::ring
