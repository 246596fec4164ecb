// Jobs out of lanes, each to one worker, and again to another when that one dies: as an algorithm over a span.
#pragma once
#include "wye/transport/shm_ring/lane.hpp"

#include <array>
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

inline std::uint32_t run_of(std::uint64_t first, std::uint64_t next) noexcept {
    return static_cast<std::uint32_t>(first << 16 | next);
}
inline std::uint32_t first_of_run(std::uint32_t run) noexcept { return run >> 16; }
inline std::uint32_t next_of_run(std::uint32_t run) noexcept { return run & no_cell; }

/// Whoever made a lane's head what it is has the jobs before it, whatever becomes of him: said in his cells before the
/// head forgets it. From the run's end, so that its first cell says whether all is said.
inline void settle(const QueueView& q, std::uint32_t lane, std::uint64_t head) noexcept {
    std::array<std::pair<std::uint64_t, std::uint64_t>, longest_run> run;
    std::uint32_t n = 0;
    const auto first = cell_of_head(head);
    for (auto i = first; n < longest_run && i < q.cells.size();) {
        Cell& c = q.cells[i];
        const auto word = c.word.load(order::claim);
        const auto links = c.run.load(order::relaxed);
        if (CellWord::of(word).state != Cell::claiming || c.lane.load(order::relaxed) != lane ||
            first_of_run(links) != first || head_word(c.position.load(order::relaxed), first) != head)
            break;
        run[n++] = {i, word};
        i = next_of_run(links);
    }
    while (n-- > 0) {
        auto& [cell, word] = run[n];
        const auto w = CellWord::of(word);
        q.cells[cell].word.compare_exchange_strong(word, w.as(Cell::taken, w.mark).word(), order::relaxed);
    }
}

/// One worker's side. No lock: whoever is stopped anywhere holds nobody up.
///
/// Taking is one swap of the lane's head, which says who took: {next job, cell}. The cell, filled before with what was
/// found, is then a job's; who swapped marks it so, and so does whoever comes next before it swaps the head again. So a
/// worker killed between any two instructions leaves its job either in the lane or in a cell that bears its mark.
/// A run of jobs is taken by the same one swap: its cells are a chain, marked from its end.
class Taker {
public:
    enum class Took : std::uint8_t { nothing, job, no_place, corrupt };

    Taker() = default;
    Taker(QueueView q, std::uint32_t mark, std::uint32_t first_lane) noexcept : q_(q), mark_(mark), lane_(first_lane) {
        for (std::size_t i = 0; i < q_.lanes.size(); ++i) near_[i] = q_.lanes[i].header->limit.load(order::relaxed);
    }

    Took take(Job& job) noexcept {
        std::uint32_t n;
        return take({&job, 1}, n);
    }
    /// `n` of them: as many as are there in one lane, up to `longest_run`.
    Took take(std::span<Job> jobs, std::uint32_t& n) noexcept {
        n = 1;
        if ((q_.header->returns.load(order::hear) & 1) != 0 && take_returned(jobs[0])) return Took::job;
        const auto most = reserve(static_cast<std::uint32_t>(std::min<std::size_t>(jobs.size(), longest_run)));
        if (most == 0) return Took::no_place;
        for (std::size_t i = 0; i < q_.lanes.size(); ++i) {
            const auto took = take_from(lane_, jobs.first(most), n);
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
        if (kept_ < longest_run) {  // for the next ones
            mine_[kept_++] = job.cell;
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

    /// The empty cells that are kept, when one leaves.
    void leave() noexcept {
        while (kept_ > 0) {
            auto& word = q_.cells[mine_[--kept_]].word;
            word.store(CellWord::of(word.load(order::relaxed)).as(Cell::free, 0).word(), order::unclaim);
        }
    }

private:
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

    // Empty cells of ours, as far as there are free ones: how many of `wanted`.
    std::uint32_t reserve(std::uint32_t wanted) noexcept {
        const auto cells = static_cast<std::uint32_t>(q_.cells.size());
        for (std::uint32_t n = 0, i = mark_ % cells; kept_ < wanted && n < cells; ++n, i = i + 1 == cells ? 0 : i + 1) {
            auto word = q_.cells[i].word.load(order::relaxed);
            auto w = CellWord::of(word);
            if (w.state != Cell::free) continue;
            ++w.use, w.deliveries = 0;
            if (q_.cells[i].word.compare_exchange_strong(word, w.as(Cell::empty, mark_).word(), order::claim))
                mine_[kept_++] = i;
        }
        return std::min(kept_, wanted);
    }

    Took take_from(std::uint32_t index, std::span<Job> jobs, std::uint32_t& n) noexcept {
        const LaneView& lane = q_.lanes[index];
        auto& head = lane.header->head;
        for (auto seen = head.load(order::claim);;) {
            // Which of the 2^48 is meant: near where we were.
            auto next = position_of_head(seen, near_[index]);
            auto look = Look::message;
            for (n = 0; n < jobs.size(); ++n) {
                Message m;
                look = find(lane, next, m);
                if (look != Look::message) break;
                copy_to_cell(mine_[kept_ - 1 - n], m, jobs[n]);
                next = m.next;
            }
            if (n == 0) {  // or it was just taken, and the place written over
                const auto now = head.load(order::claim);
                if (now == seen) return look == Look::nothing ? Took::nothing : Took::corrupt;
                seen = now;
                continue;
            }
            chain(index, n, next);
            if (!bug(7)) settle(q_, index, seen);
            if (!head.compare_exchange_strong(seen, head_word(next, mine_[kept_ - 1]), order::swap_head, order::claim))
                continue;
            // From the last on: while the first is not marked, who finds it looks for the others.
            for (auto i = n; i-- > 0;) mark_taken(mine_[kept_ - 1 - i]);
            kept_ -= n;
            near_[index] = next;
            return Took::job;
        }
    }

    static Look find(const LaneView& lane, std::uint64_t at, Message& m) noexcept {
        auto look = look_at(lane, at, m);
        if (look == Look::message && m.kind == Kind::pad) [[unlikely]]
            look = look_at(lane, m.next, m);
        if (look != Look::message) return look;
        const bool job = m.kind == Kind::loan || (m.kind == Kind::bytes && m.length <= cell_bytes);
        return job ? look : Look::corrupt;
    }

    // What was found goes into a cell of ours, which says what we are about to take. Not before `taken` does it mean
    // anything.
    void copy_to_cell(std::uint32_t cell, const Message& m, Job& job) noexcept {
        Cell& c = q_.cells[cell];
        auto w = CellWord::of(c.word.load(order::relaxed));
        w.state = Cell::empty;
        ++w.use, w.deliveries = 1;
        c.word.store(w.word(), order::relaxed);
        c.meta.store(meta_of(m.kind, m.length), order::relaxed);
        copy_shared(c.data, m.data, m.kind == Kind::loan ? sizeof(LoanAt) : m.length);
        job = {cell, 1, m.length, m.kind, c.data};
    }
    void chain(std::uint32_t index, std::uint32_t n, std::uint64_t next) noexcept {
        const auto* cells = &mine_[kept_ - 1];  // the last one kept is the first: it is the warmest
        for (std::uint32_t i = 0; i < n; ++i) {
            Cell& c = q_.cells[*(cells - i)];
            c.position.store(next, order::relaxed);
            c.lane.store(index, order::relaxed);
            c.run.store(run_of(*cells, i + 1 < n ? *(cells - i - 1) : no_cell), order::relaxed);
            auto w = CellWord::of(c.word.load(order::relaxed));
            w.state = Cell::claiming;
            c.word.store(w.word(), order::publish);
        }
    }
    void mark_taken(std::uint32_t cell) noexcept {
        auto& word = q_.cells[cell].word;
        word.store(CellWord::of(word.load(order::relaxed)).as(Cell::taken, mark_).word(), order::relaxed);
    }

    void fill(Job& job, std::uint32_t cell) noexcept {
        Cell& c = q_.cells[cell];
        const auto meta = c.meta.load(order::relaxed);
        job = {cell, CellWord::of(c.word.load(order::relaxed)).deliveries, length_of(meta), kind_of(meta), c.data};
    }

    QueueView q_;
    std::uint32_t mark_ = 0, lane_ = 0;
    std::array<std::uint64_t, most_lanes> near_{};   // each lane's position, not long ago
    std::array<std::uint32_t, longest_run> mine_{};  // empty cells
    std::uint32_t kept_ = 0;                         // of them
};

/// What a dead worker had goes back, with the lock of its place held: idempotent, and beside workers that go on.
inline void repair_queue(const QueueView& q, std::uint32_t dead) noexcept {
    tell_of_returns(*q.header);
    // If its last swap of a head went through, its cells say so from now on; else nobody has marked them, nor will.
    for (std::uint32_t i = 0; i < q.lanes.size() && !bug(8); ++i)
        settle(q, i, q.lanes[i].header->head.load(order::claim));
    for (Cell& c : q.cells) {
        for (auto word = c.word.load(order::claim);;) {
            const auto w = CellWord::of(word);
            if (w.mark != dead) break;
            const auto now = w.state == Cell::taken ? returned(w, q.most_deliveries) : w.as(Cell::free, 0);
            if (c.word.compare_exchange_strong(word, now.word(), order::swap_head, order::claim)) break;
        }
    }
    tell_of_returns(*q.header);
}

}  // namespace wye::ring
