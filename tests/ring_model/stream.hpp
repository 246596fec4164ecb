// One writer, one reader that it waits for; it dies anywhere, and the next goes on.
#pragma once
#include "ring_model/world.hpp"

namespace wye::model {

/// What both scenarios have: a reader with the cursor of a stream.
struct Stream : World {
    static constexpr std::uint64_t generation = 0;
    ring::Gate gate{cursors, lane.granules}, second_gate{cursors, lane.granules};
    ShmReader::Core reader;
    std::uint64_t total, passed = 0;

    Stream(std::uint64_t start, std::uint64_t messages) : World(8, start), total(messages) {
        p.cursors[0].policy.store(static_cast<std::uint32_t>(ring::Policy::block), relaxed);
        reader.lane = ring::LaneReader(lane, {start, 0});
        reader.cursor = &p.cursors[0];
        reader.space = ringer(p.header.space, 1);
        reader.lump = ring::lump_of(lane.granules);
        reader.published = start;
        reader.generation_now = &generation;
    }
    bool one_record = false;
    // One granule, two.
    unsigned words_of(std::uint64_t k) const { return k == 1 || (k % 2 == 1 && !one_record) ? 7 : 2; }

    void write(ring::LaneWriter w, ring::Gate& g, std::uint64_t first) {
        for (auto k = first; k < total; ++k)
            while (!put(w, k, words_of(k), g)) spin();
    }
    void read() {
        for (std::uint64_t k = 0; k < total;) {
            ring::Message m;
            const auto look = reader.lane.next(m);
            check(look != ring::Look::corrupt, "a reader found what is no message");
            if (look == ring::Look::nothing) {
                spin();
                continue;
            }
            check(m.length == words_of(k) * 8, "another length than was sent");
            passed = k + 1;  // `done` may say so from here on
            std::array<std::byte, most_words * 8> bytes{};
            {
                const Plain plain;
                reader.take(m, bytes.data());
            }
            check(content(bytes.data(), m.length) == k, "not what was sent, or not in order");
            ++k;
        }
    }
};

struct StreamAcrossTheEnd : Stream {
    StreamAcrossTheEnd() : Stream(~std::uint64_t{} - 2, 7) {}  // positions wrap in the middle
    void thread(unsigned i) override { i == 1 ? write(ring::LaneWriter(lane), gate, 0) : read(); }
};

/// Once round the lane a small message lies before what was a record's bytes, and looks like a message.
struct StreamOverRecord : Stream {
    StreamOverRecord() : Stream(6, 10) { one_record = true; }
    void thread(unsigned i) override { i == 1 ? write(ring::LaneWriter(lane), gate, 0) : read(); }
};

struct StreamWriterDies : Stream {
    StreamWriterDies() : Stream(6, 8) {}
    void thread(unsigned i) override {
        if (i == 2) return read();
        if (i == 1) {
            may_die(true);
            write(ring::LaneWriter(lane), gate, 0);
            return flag(0);
        }
        while (!died(1) && !flagged(0)) spin();
        if (!died(1)) return;
        ring::LaneWriter w(lane);
        const auto first = w.tail().number;
        write(std::move(w), second_gate, first);
    }
};

/// The reader dies; the next goes on at `done`: it may get a message again, and loses none.
struct StreamReaderDies : Stream {
    ShmReader::Core second = reader;
    StreamReaderDies() : Stream(6, 7) {}
    void thread(unsigned i) override {
        if (i == 1) return write(ring::LaneWriter(lane), gate, 0);
        if (i == 2) {
            may_die(true);
            read();
            return flag(0);
        }
        while (!died(2) && !flagged(0)) spin();
        if (!died(2)) return;
        auto& c = p.cursors[0];
        second.lane = ring::LaneReader(lane, {c.done.load(ring::order::claim), c.number.load(relaxed)});
        second.published = c.head.load(relaxed);
        for (auto k = passed; k < total; ++k) {
            ring::Message m;
            for (ring::Look look; (look = second.lane.next(m)) != ring::Look::message; spin())
                check(look != ring::Look::corrupt, "the next reader found what is no message");
            const Plain plain;
            const auto got = content(m.data, m.length);
            check(got <= k, "the next reader lost a message, or got a mixture");
            check(got == k || k == passed, "the next reader got something else");
            second.pass(m);
            k = got;
        }
    }
};

}  // namespace wye::model
