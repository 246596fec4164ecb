// One writer that does not wait: readers that are overrun, that join meanwhile, and checkpoints torn by its death.
#pragma once
#include "ring_model/world.hpp"

namespace wye::model {

struct Broadcast : World {
    ring::Gate gates[2] = {{cursors, lane.granules}, {cursors, lane.granules}};
    ring::LaneReader reader;
    std::uint64_t total, received = 0, lost = 0;

    Broadcast(std::uint64_t start, std::uint64_t messages) : World(8, start), total(messages) {
        reader = ring::LaneReader(lane, {start, 0});
    }
    // The word that comes to lie on the next granule's meta looks like one.
    static unsigned words_of(std::uint64_t k) { return k % 3 == 2 ? 8 : 2; }

    void write(ring::LaneWriter w, ring::Gate& g, std::uint64_t first) {
        for (auto k = first; k < total; ++k)
            while (!put(w, k, words_of(k), g)) spin();
        flag(0);
    }

    /// Until all was written and nothing is there: in order, whole, and what is missing is counted.
    void read() {
        for (;;) {
            const bool over = flagged(0);
            ring::Message m;
            const auto look = reader.next(m);
            if (!reader.intact(reader.at().position)) {
                const auto more = reader.resume();
                lost += more;
                if (more == 0) spin();
                continue;
            }
            check(look != ring::Look::corrupt, "a reader found what is no message");
            if (look == ring::Look::nothing) {
                if (over) break;
                spin();
                continue;
            }
            const auto k = content(m.data, m.length);
            if (!reader.intact(m.position)) continue;
            check(k == reader.at().number, "not the message that has this number");
            check(m.length == words_of(k) * 8, "another length than was sent");
            reader.pass(m);
            ++received;
        }
        check(reader.at().number == total && received + lost == total, "the lost were counted wrong");
    }
};

struct BroadcastOverrun : Broadcast {
    BroadcastOverrun() : Broadcast(5, 14) {}
    void thread(unsigned i) override { i == 1 ? write(ring::LaneWriter(lane), gates[0], 0) : read(); }
};

struct BroadcastWriterDies : Broadcast {
    BroadcastWriterDies() : Broadcast(~std::uint64_t{} - 9, 14) {}
    void thread(unsigned i) override {
        if (i == 2) return read();
        if (i == 1) {
            may_die(true);
            return write(ring::LaneWriter(lane), gates[0], 0);
        }
        while (!died(1) && !flagged(0)) spin();
        if (!died(1)) return;
        ring::LaneWriter w(lane);
        const auto first = w.tail().number;
        write(std::move(w), gates[1], first);
    }
};

/// A reader joins while it writes; from then on the writer waits for it.
template <int History>
struct JoinWhileWriting : Broadcast {
    JoinWhileWriting() : Broadcast(3, 12) {}
    void thread(unsigned i) override {
        if (i == 1) return write(ring::LaneWriter(lane), gates[0], 0);
        auto& c = p.cursors[0];
        if (!ring::join(lane, cursors, c, ring::Policy::block, History, reader)) return;
        for (;;) {
            const bool over = flagged(0);
            ring::Message m;
            const auto look = reader.next(m);
            check(look != ring::Look::corrupt, "a reader that joined found what is no message");
            if (look == ring::Look::nothing) {
                if (over) break;
                spin();
                continue;
            }
            {
                const Plain plain;
                check(content(m.data, m.length) == reader.at().number, "written over although its reader joined");
            }
            reader.pass(m);
            c.head.store(reader.at().position, ring::order::give_back);
        }
        check(reader.at().number == total, "who joined missed a message");
    }
};

/// A reader that the writer waits for dies while it joins or reads: whoever buries it vacates its place.
struct JoinedReaderDies : Broadcast {
    JoinedReaderDies() : Broadcast(3, 8) {}
    void thread(unsigned i) override {
        if (i == 1) return write(ring::LaneWriter(lane), gates[0], 0);
        if (i == 3) {
            while (!died(2) && !flagged(0)) spin();
            if (died(2)) ring::vacate(cursors, p.cursors[0]);
            return;
        }
        may_die(true);
        if (!ring::join(lane, cursors, p.cursors[0], ring::Policy::block, 0, reader)) return;
        while (!flagged(0)) {
            ring::Message m;
            if (reader.next(m) != ring::Look::message) {
                spin();
                continue;
            }
            reader.pass(m);
            p.cursors[0].head.store(reader.at().position, ring::order::give_back);
        }
    }
};

/// One writer after the other dies in the middle of a checkpoint: none of them gets any further.
struct CheckpointsTorn : Broadcast {
    CheckpointsTorn() : Broadcast(3, 200) {}
    void thread(unsigned) override {
        std::uint64_t k = 0;
        for (unsigned n = 0; n < 3 * ring::checkpoints; ++n) {
            ring::LaneWriter w(lane);
            check(w.tail().number == k, "the next writer does not know where it is");
            auto at = w.tail().position;
            for (const auto last = newest_turn(); newest_turn() == last; ++k) {
                at = w.tail().position;
                check(put(w, k, 2, gates[0]), "nobody holds it up");
            }
            lane.slot(at).turn.store(at, relaxed), --k;  // the message behind the checkpoint was not yet sent
            const auto turn = newest_turn();
            for (auto& c : p.lanes[0].at)
                if (c.turn.load(relaxed) == turn) c.turn.store(turn - 1, relaxed);
        }
    }
    std::uint64_t newest_turn() {
        std::uint64_t t = 0;
        for (auto& c : p.lanes[0].at) t = std::max(t, c.turn.load(relaxed));
        return t;
    }
};

}  // namespace wye::model
