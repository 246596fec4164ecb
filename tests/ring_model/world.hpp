// A ring small enough to be tried in every order, and what its processes do with it.
#pragma once
#include "wye/transport/shm_ring.hpp"

#include "ring_model/explorer.hpp"

#include <array>
#include <new>

namespace wye::model {

constexpr auto relaxed = ring::order::relaxed;

struct FutexWaker final : ring::Waker {
    void wake(ring::Bell& b, int most) noexcept override {
        ring::wake_by(b, most, [](auto& event, int n) { return futex_wake(&event, n); });
    }
};

/// What lies in the pages.
struct Pages {
    ring::Header header;
    ring::Cursor cursors[2];
    ring::LaneHeader lanes[1];
    ring::Cell cells[6];
    ring::Slot slots[16];
    ring::Atomic<std::uint64_t> flags[4];  // the scenarios' own
};
static_assert(sizeof(Pages) <= pages_bytes);

struct World : Scenario {
    Pages& p = *new (pages()) Pages{};
    ring::LaneView lane;
    ring::CursorsView cursors{&p.header, p.cursors, 2};
    FutexWaker waker;

    World(std::uint64_t granules, std::uint64_t start) : lane{p.lanes, p.slots, granules} {
        ring::begin_lane(lane, start);
        for (auto& c : p.cursors) c.head.store(start, relaxed), c.done.store(start, relaxed);
    }
    ring::Ringer ringer(ring::Bell& b, int most) { return {.bell = &b, .waker = &waker, .most = most}; }
    void flag(unsigned i) { p.flags[i].store(1, std::memory_order_release); }
    bool flagged(unsigned i) { return p.flags[i].load(std::memory_order_acquire) != 0; }
};

/// The k-th message: so many words, each of which says k; but for those that may come to lie where a meta or a turn
/// does, and look like one: of the second message, the turn of the slot there once round a lane of 8 that began at 6.
constexpr unsigned most_words = 14;
inline std::array<std::uint64_t, most_words> content_of(std::uint64_t k) {
    std::array<std::uint64_t, most_words> a{};
    for (unsigned i = 0; i < most_words; ++i) a[i] = (k + 1) << 32 | 0xabc000 | i;
    if (k == 1) a[6] = 8 + 1 + 8 + 1;
    a[7] = ring::meta_of(ring::Kind::bytes, 56);
    return a;
}

template <class Lowest>
bool put(ring::LaneWriter& w, std::uint64_t k, unsigned words, Lowest&& lowest) {
    const auto a = content_of(k);
    return w.put(ring::Kind::bytes, words * 8, lowest, [&](std::byte* to) {
        ring::copy_shared(to, reinterpret_cast<const std::byte*>(a.data()), words * 8);
    });
}

/// Reads the message out of the pages; its number, or ~0 when it is a mixture.
inline std::uint64_t content(const std::byte* data, std::uint64_t length) {
    std::array<std::uint64_t, most_words> a{};
    if (length == 0 || length > most_words * 8 || length % 8 != 0) return ~std::uint64_t{};
    ring::copy_shared(reinterpret_cast<std::byte*>(a.data()), data, length);
    const auto k = (a[0] >> 32) - 1;
    const auto right = content_of(k);
    for (unsigned i = 0; i < length / 8; ++i)
        if (a[i] != right[i]) return ~std::uint64_t{};
    return k;
}

}  // namespace wye::model
