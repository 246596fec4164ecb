// Sleeping until somebody has made something different, at no cost for who does while nobody sleeps.
#pragma once
#include "wye/transport/shm_ring/layout.hpp"

namespace wye::ring {

/// Wakes up to `most` of who sleeps, and rings the descriptors that are armed. Called when `announced` is not 0.
struct Waker {
    virtual void wake(Bell&, int most) noexcept = 0;

protected:
    ~Waker() = default;
};

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
        if (bell->announced.load(order::relaxed) != 0) [[unlikely]]
            waker->wake(*bell, most);
    }
};

/// For who is about to sleep: announced first, looked again second, then futex_wait(event, seen).
inline std::uint32_t announce(Bell& b) noexcept {
    const auto seen = b.event.load(order::ring);  // first: a wake between here and the sleep shows
    b.announced.fetch_add(1, order::announce);
    return seen;
}

}  // namespace wye::ring
