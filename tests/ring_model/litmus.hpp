// Whether the explorer itself sees what C++ allows, and nothing else.
#pragma once
#include "ring_model/atomics.hpp"

namespace wye::model {

struct Words {
    ring::Atomic<std::uint64_t> x, y;
};

template <std::memory_order Write, std::memory_order Read>
struct MessagePassing : Scenario {
    Words& w = *new (pages()) Words{};
    void thread(unsigned i) override {
        constexpr auto rlx = std::memory_order_relaxed;
        if (i == 1) {
            w.x.store(1, rlx);
            w.y.store(1, Write);
        } else if (w.y.load(Read) == 1) {
            check(w.x.load(rlx) == 1, "the flag came, its message did not");
        }
    }
};

template <std::memory_order Fence>
struct StoreBuffering : Scenario {
    Words& w = *new (pages()) Words{};
    std::uint64_t seen[2] = {1, 1};
    void thread(unsigned i) override {
        constexpr auto rlx = std::memory_order_relaxed;
        (i == 1 ? w.x : w.y).store(1, rlx);
        ring::fence(Fence);
        seen[i - 1] = (i == 1 ? w.y : w.x).load(rlx);
    }
    void finally() override { check(seen[0] + seen[1] > 0, "neither saw the other"); }
};

struct ReadWhileWritten : Scenario {
    Words& w = *new (pages()) Words{};
    void thread(unsigned i) override {
        std::uint64_t v = i;
        const Plain plain;
        if (i == 1)
            w.x.store(1, std::memory_order_relaxed);
        else
            copy_words(reinterpret_cast<std::byte*>(&v), pages(), 8);
    }
};

struct DiesBetween : Scenario {
    Words& w = *new (pages()) Words{};
    void thread(unsigned i) override {
        if (i == 2) return;
        may_die(true);
        w.x.store(1, std::memory_order_relaxed);
        w.y.store(1, std::memory_order_relaxed);
    }
    void finally() override {
        check(w.x.load(std::memory_order_relaxed) == w.y.load(std::memory_order_relaxed), "half of it");
    }
};

struct WaitsForNobody : Scenario {
    Words& w = *new (pages()) Words{};
    void thread(unsigned i) override {
        if (i == 1) w.x.store(1, std::memory_order_relaxed);
        while (i == 2 && w.x.load(std::memory_order_relaxed) != 2) spin();
    }
};

}  // namespace wye::model
