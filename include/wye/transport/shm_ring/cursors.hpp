// Who reads a lane, and how far: the one cursor of a stream, the many of a broadcast.
#pragma once
#include "wye/transport/shm_ring/lane.hpp"

#include <vector>

namespace wye::ring {

struct CursorsView {
    Header* header = nullptr;
    Cursor* cursors = nullptr;
    std::uint32_t count = 0;
};

/// For LaneWriter::put(): the earliest position of those who hold the writer up. It knows them by heart until somebody
/// comes, goes or changes, so that a message costs the same with a thousand readers that it does not wait for.
class Gate {
public:
    Gate() = default;
    Gate(CursorsView all, std::uint64_t granules) : all_(all), granules_(granules) { gating_.reserve(all.count); }

    std::uint64_t operator()(std::uint64_t tail) noexcept {
        if (const auto n = all_.header->changes.load(order::reuse); (n != seen_ && !bug(19)) || !known_) learn(n);
        auto lowest = tail;
        for (const auto i : gating_) {
            const auto head = all_.cursors[i].head.load(order::reuse);
            // A head that cannot be (a peer wrote it) stands still: it holds up, it lets nothing be overwritten.
            lowest = earlier(lowest, tail - head <= granules_ ? head : tail - granules_);
        }
        return lowest;
    }
    /// Those who were asked last.
    const std::vector<std::uint32_t>& gating() const noexcept { return gating_; }

private:
    void learn(std::uint32_t changes) noexcept {
        gating_.clear();
        for (std::uint32_t i = 0; i < all_.count; ++i)
            if (is_gating(static_cast<Policy>(all_.cursors[i].policy.load(order::reuse)))) gating_.push_back(i);
        seen_ = changes, known_ = true;
    }

    CursorsView all_;
    std::uint64_t granules_ = 0;
    std::vector<std::uint32_t> gating_;
    std::uint32_t seen_ = 0;
    bool known_ = false;
};

inline void set_policy(const CursorsView& all, Cursor& c, Policy p) noexcept {
    c.policy.store(static_cast<std::uint32_t>(p), order::give_back);
    all.header->changes.fetch_add(1, order::give_back);
}

/// Where a new reader begins: behind what was published so far, or so many messages earlier, as far as they are there.
inline Place beginning(const LaneView& lane, std::uint64_t history) noexcept {
    const auto nothing = [](const Message&, std::uint64_t) {};
    const Place latest = newest_checkpoint(lane).value_or(Place{});
    Place end = latest;
    walk(lane, end, nothing);
    if (history == 0) return end;
    Place from = oldest_checkpoint(lane, 1).value_or(latest);
    if (end.number - from.number <= history) return from;
    Place start = from;
    walk(lane, from, [&, first = end.number - history](const Message& m, std::uint64_t number) {
        if (number == first) start = {m.position, number};
    });
    return start;
}

/// Takes the place that a cursor is: from now on the policy holds. False when the writer was quicker each time.
inline bool join(const LaneView& lane, const CursorsView& all, Cursor& c, Policy policy, std::uint64_t history,
                 LaneReader& reader) noexcept {
    for (int tries = 0; tries < 100; ++tries) {
        const auto start = beginning(lane, tries < 50 ? history : 0);
        c.head.store(start.position, order::relaxed);
        c.done.store(start.position, order::relaxed);
        c.number.store(start.number, order::relaxed);
        c.lost.store(0, order::relaxed);
        for (auto& k : c.kept) k.store(0, order::relaxed);
        set_policy(all, c, policy);
        fence(order::join);
        if (distance(lane.header->limit.load(order::relaxed), start.position + lane.granules) >= 0) {
            reader = LaneReader(lane, start);
            return true;
        }
        set_policy(all, c, Policy::none);
    }
    return false;
}

/// A loan that a reader keeps past its cursor: announced in `slot` before that moves on. Who is not waited for looks
/// again afterwards; false: it may be in use again.
inline bool keep_loan(Atomic<std::uint64_t>& slot, std::uint64_t id, const LaneReader& reader, const Message& m,
                      bool gating) noexcept {
    slot.store(id, order::give_back);
    if (gating || bug(14)) return true;
    fence(order::keep);
    if (reader.intact(m.position) && distance(reader.lane().header->reclaimed.load(order::relaxed), m.next) > 0)
        return true;
    slot.store(0, order::give_back);
    return false;
}

/// For the writer, when it has said what it will use again: who keeps something of it. `each(loan_id)`
template <class Each>
inline void kept_by_readers(const CursorsView& all, Each&& each) {
    fence(order::reclaim);
    for (std::uint32_t i = 0; i < all.count; ++i)
        for (const auto& k : all.cursors[i].kept)
            if (const auto id = k.load(order::reuse); id != 0) each(id);
}

/// A place whose owner is gone: nobody waits for it, nothing is kept for it. Again and again is as good as once; the
/// mark goes last, since who dies before that is found by it.
inline void vacate(const CursorsView& all, Cursor& c) noexcept {
    for (auto& k : c.kept) k.store(0, order::relaxed);
    if (!bug(21)) set_policy(all, c, Policy::none);
    c.mark.store(0, order::unclaim);
}

}  // namespace wye::ring
