// Jobs out of lanes, each to one worker, and again to another when that one dies: as an algorithm over a span.
#pragma once
#include "wye/transport/shm_ring/lane.hpp"

#include <span>
#include <utility>

namespace wye::ring {

struct QueueView {
    Header* header = nullptr;
    std::span<const LaneView> lanes;
    std::span<Cell> cells;
    std::uint32_t most_deliveries = 0;  ///< 0: no end
};

// ---- a cell's word: mark 32 | use 16 | deliveries 8 | state 8

struct CellWord {
    std::uint32_t mark = 0;
    std::uint16_t use = 0;  // another with each job, so that who slept finds that it is no longer the same
    std::uint8_t deliveries = 0;
    Cell::State state = Cell::free;

    std::uint64_t word() const noexcept {
        return std::uint64_t{mark} << 32 | std::uint64_t{use} << 16 | std::uint64_t{deliveries} << 8 | state;
    }
    static CellWord of(std::uint64_t w) noexcept {
        return {static_cast<std::uint32_t>(w >> 32), static_cast<std::uint16_t>(w >> 16),
                static_cast<std::uint8_t>(w >> 8), static_cast<Cell::State>(w & 0xff)};
    }
    CellWord as(Cell::State s, std::uint32_t m) const noexcept { return {m, use, deliveries, s}; }
};

/// The earliest job of a lane that nobody took, for LaneWriter::put().
inline auto lowest_of(const LaneView& lane) noexcept {
    return [&lane](std::uint64_t tail) noexcept {
        const auto head = position_of_head(lane.header->head.load(order::reuse), tail);
        return tail - head <= lane.granules ? head : tail - lane.granules;
    };
}

/// Some job came back: before and after it is to be found, so that no taker that looked between the two stops looking.
inline void tell_of_returns(Header& h) noexcept {
    auto seen = h.returns.load(order::relaxed);
    while (!h.returns.compare_exchange_weak(seen, (seen + 2) | 1, order::tell)) {}
}

inline CellWord returned(CellWord w, std::uint32_t most) noexcept {
    return w.as(most != 0 && w.deliveries >= most ? Cell::poisoned : Cell::returned, 0);
}

/// A job in hand.
struct Job {
    std::uint32_t cell = 0;
    unsigned deliveries = 0;  ///< 1 the first time
    std::uint64_t length = 0;
    Kind kind = Kind::bytes;
    std::byte* data = nullptr;
};

/// One worker's side. No lock: whoever is stopped anywhere holds nobody up.
///
/// Taking is one swap of the lane's head, which says who took: {next job, cell}. The cell, filled before with what was
/// found, is then a job's; whoever comes next marks it so before it swaps the head again. So a worker killed between
/// any two instructions leaves its job either in the lane or in a cell that bears its mark.
class Taker {
public:
    enum class Took : std::uint8_t { nothing, job, no_place, corrupt };

    Taker() = default;
    Taker(QueueView q, std::uint32_t mark, std::uint32_t first_lane) noexcept : q_(q), mark_(mark), lane_(first_lane) {}

    Took take(Job& job) noexcept {
        if ((q_.header->returns.load(order::hear) & 1) != 0 && take_returned(job)) return Took::job;
        if (!reserve()) return Took::no_place;
        for (std::size_t n = 0; n < q_.lanes.size(); ++n) {
            const auto took = take_from(lane_, job);
            if (took != Took::nothing) return took;
            lane_ = lane_ + 1 == q_.lanes.size() ? 0 : lane_ + 1;
        }
        return Took::nothing;
    }

    /// One that was set aside.
    bool take_poisoned(Job& job) noexcept { return take_in(Cell::poisoned, job); }

    /// It will not come again.
    void done(const Job& job) noexcept {
        auto& word = q_.cells[job.cell].word;
        auto w = CellWord::of(word.load(order::relaxed));
        ++w.use, w.deliveries = 0;
        if (mine_ == none) {  // kept for the next one
            mine_ = job.cell;
            return word.store(w.as(Cell::empty, mark_).word(), order::unclaim);
        }
        word.store(w.as(Cell::free, 0).word(), order::unclaim);
    }

    /// Somebody else may have it.
    void give_back(const Job& job) noexcept {
        auto& word = q_.cells[job.cell].word;
        tell_of_returns(*q_.header);
        word.store(returned(CellWord::of(word.load(order::relaxed)), q_.most_deliveries).word(), order::unclaim);
        tell_of_returns(*q_.header);
    }

    /// The empty cell that is kept, when one leaves.
    void leave() noexcept {
        if (mine_ == none) return;
        auto& word = q_.cells[mine_].word;
        word.store(CellWord::of(word.load(order::relaxed)).as(Cell::free, 0).word(), order::unclaim);
        mine_ = none;
    }

private:
    static constexpr std::uint32_t none = 0xffffffff;

    bool take_returned(Job& job) noexcept {
        const auto seen = q_.header->returns.load(order::hear);
        if (take_in(Cell::returned, job)) return true;
        auto odd = seen;
        if (bug(9)) q_.header->returns.store(seen + 1, order::relaxed);
        if (odd & 1) q_.header->returns.compare_exchange_strong(odd, seen + 1, order::relaxed);
        return false;
    }

    bool take_in(Cell::State state, Job& job) noexcept {
        for (std::uint32_t i = 0; i < q_.cells.size(); ++i) {
            auto word = q_.cells[i].word.load(order::relaxed);
            auto w = CellWord::of(word);
            if (w.state != state) continue;
            w.deliveries = static_cast<std::uint8_t>(w.deliveries == 255 ? 255 : w.deliveries + 1);
            ++w.use;
            if (!q_.cells[i].word.compare_exchange_strong(word, w.as(Cell::taken, mark_).word(), order::claim))
                continue;
            return fill(job, i), true;
        }
        return false;
    }

    bool reserve() noexcept {
        if (mine_ != none) return true;
        for (std::uint32_t n = 0, i = mark_ % static_cast<std::uint32_t>(q_.cells.size()); n < q_.cells.size();
             ++n, i = i + 1 == q_.cells.size() ? 0 : i + 1) {
            auto word = q_.cells[i].word.load(order::relaxed);
            auto w = CellWord::of(word);
            if (w.state != Cell::free) continue;
            ++w.use, w.deliveries = 0;
            if (!q_.cells[i].word.compare_exchange_strong(word, w.as(Cell::empty, mark_).word(), order::claim))
                continue;
            return mine_ = i, true;
        }
        return false;
    }

    Took take_from(std::uint32_t index, Job& job) noexcept {
        const LaneView& lane = q_.lanes[index];
        auto& head = lane.header->head;
        for (auto seen = head.load(order::claim);;) {
            // Which of the 2^48 is meant: the writer's limit is near.
            const auto at = position_of_head(seen, lane.header->limit.load(order::relaxed));
            Message m;
            auto look = look_at(lane, at, m);
            if (look == Look::message && m.kind == Kind::pad) look = look_at(lane, m.next, m);
            const bool found =
                look == Look::message && m.kind != Kind::pad && (m.kind != Kind::bytes || m.length <= cell_bytes);
            if (!found) {  // or it was just taken, and the place written over
                const auto now = head.load(order::claim);
                if (now == seen) return look == Look::nothing ? Took::nothing : Took::corrupt;
                seen = now;
                continue;
            }
            prepare(index, m);
            if (!bug(7)) settle_last(index, seen);
            if (!head.compare_exchange_strong(seen, head_word(m.next, mine_), order::swap_head, order::claim)) continue;
            fill(job, std::exchange(mine_, none));
            return Took::job;
        }
    }

    // What was found goes into our cell, which says what we are about to take. Not before `taken` does it mean
    // anything.
    void prepare(std::uint32_t index, const Message& m) noexcept {
        Cell& c = q_.cells[mine_];
        auto w = CellWord::of(c.word.load(order::relaxed));
        w.state = Cell::empty;
        ++w.use, w.deliveries = 1;
        c.word.store(w.word(), order::relaxed);
        c.meta.store(meta_of(m.kind, m.length), order::relaxed);
        c.position.store(m.next, order::relaxed);
        c.lane.store(index, order::relaxed);
        copy_shared(c.data, m.data, m.kind == Kind::loan ? sizeof(LoanAt) : m.length);
        w.state = Cell::claiming;
        c.word.store(w.word(), order::publish);
    }

    // Whoever took the job before this one has it, whatever becomes of it: said in its cell before the head forgets it.
    void settle_last(std::uint32_t index, std::uint64_t head) noexcept {
        const auto last = cell_of_head(head);
        if (last >= q_.cells.size()) return;
        Cell& c = q_.cells[last];
        auto word = c.word.load(order::claim);
        const auto w = CellWord::of(word);
        if (w.state != Cell::claiming || c.lane.load(order::relaxed) != index ||
            head_word(c.position.load(order::relaxed), last) != head)
            return;
        c.word.compare_exchange_strong(word, w.as(Cell::taken, w.mark).word(), order::relaxed);
    }

    void fill(Job& job, std::uint32_t cell) noexcept {
        Cell& c = q_.cells[cell];
        const auto meta = c.meta.load(order::relaxed);
        job = {cell, CellWord::of(c.word.load(order::relaxed)).deliveries, length_of(meta), kind_of(meta), c.data};
    }

    QueueView q_;
    std::uint32_t mark_ = 0, lane_ = 0, mine_ = none;
};

/// What a dead worker had goes back, with the lock of its place held: idempotent, and beside workers that go on.
inline void repair_queue(const QueueView& q, std::uint32_t dead) noexcept {
    tell_of_returns(*q.header);
    for (std::size_t i = 0; i < q.cells.size(); ++i) {
        Cell& c = q.cells[i];
        for (auto word = c.word.load(order::claim);;) {
            const auto w = CellWord::of(word);
            if (w.mark != dead) break;
            // Its swap of the head went through if the head says so; else nobody has marked the cell, and nobody will.
            const auto lane = c.lane.load(order::relaxed);
            const bool claimed =
                !bug(8) && w.state == Cell::claiming && lane < q.lanes.size() &&
                q.lanes[lane].header->head.load(order::claim) == head_word(c.position.load(order::relaxed), i);
            const bool had = w.state == Cell::taken || claimed;
            const auto now = had ? returned(w, q.most_deliveries) : w.as(Cell::free, 0);
            if (c.word.compare_exchange_strong(word, now.word(), order::swap_head, order::claim)) break;
        }
    }
    tell_of_returns(*q.header);
}

}  // namespace wye::ring
