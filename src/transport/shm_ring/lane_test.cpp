// A lane and its cursors as algorithms, in memory of this process: every size, every place, every wrap.
#include "transport/shm_ring/shm_ring_test.hpp"

#include <deque>
#include <random>

namespace {

using namespace wye;
using namespace wye::test;
using ring::Look;

constexpr std::uint64_t starts[] = {0, 7, (1ull << 32) - 9, (1ull << 48) - 9, (1ull << 63) - 9, ~0ull - 40, ~0ull};

std::string read_one(ring::LaneReader& r) {
    ring::Message m;
    const auto look = r.next(m);
    if (look != Look::message) return look == Look::nothing ? "nothing" : "corrupt";
    std::string s(m.length, '\0');
    ring::copy_shared(reinterpret_cast<std::byte*>(s.data()), m.data, m.length);
    r.pass(m);
    return s;
}

// A writer, and a reader for which it waits.
struct Between {
    LocalRing l;
    ring::Atomic<std::uint64_t>& head = l.places[0].head;
    ring::Gate gate = l.gate();
    ring::LaneWriter w{l.lane()};
    ring::LaneReader r;

    explicit Between(std::uint64_t start) : l(32, start), r(l.lane(), {start, 0}) {
        head.store(start);
        l.places[0].policy.store(static_cast<std::uint32_t>(Policy::block));
    }
};

TEST(Lane, every_size_at_every_place_comes_whole) {
    for (const auto start : starts) {
        Between b(start);
        auto& [l, head, gate, w, r] = b;
        ASSERT_EQ(w.longest(), 496u);
        for (std::uint64_t i = 0; i < 40 * (w.longest() + 1); ++i) {
            const auto s = payload(i, i * 13 % (w.longest() + 1));
            ASSERT_TRUE(put(w, s, gate)) << i;
            ASSERT_EQ(read_one(r), s) << i << " from " << start;
            ASSERT_EQ(r.at().number, i + 1);
            head.store(r.at().position);
        }
        EXPECT_EQ(read_one(r), "nothing");
    }
}

// Runs of short ones, and records between them whose bytes look like turns of later positions.
TEST(Lane, runs_at_every_place_come_whole) {
    for (const auto start : starts) {
        Between b(start);
        auto& [l, head, gate, w, r] = b;
        std::size_t in_runs = 0;
        for (std::uint64_t i = 0; i < 2000;) {
            std::vector<std::string> texts;
            for (std::uint64_t n = 0; n < 1 + i % 5; ++n) texts.push_back(payload(i + n, (i + n) * 13 % 49));
            std::vector<Bytes> run;
            for (const auto& t : texts) run.push_back(bytes_of(t));
            std::size_t n = w.put_short(run, ring::inline_bytes);
            in_runs += n;
            for (; n < run.size(); ++n) ASSERT_TRUE(put(w, texts[n], gate));
            for (const auto& t : texts) ASSERT_EQ(read_one(r), t) << i << " from " << start;
            ASSERT_EQ(read_one(r), "nothing");
            i += run.size();
            if (i % 50 < 5) {
                std::uint64_t like[22] = {};  // its granules behind the first, a lap later
                for (std::uint64_t k = 1; k < 3; ++k) like[6 + 8 * (k - 1)] = w.tail().position + k + 32 + 1;
                ASSERT_TRUE(w.put(ring::Kind::bytes, sizeof like, gate, ring::CopyOf{std::as_bytes(std::span(like))}));
                ASSERT_EQ(read_one(r).size(), sizeof like);
                ASSERT_EQ(read_one(r), "nothing");
            }
            head.store(r.at().position);
        }
        EXPECT_GT(in_runs, 200u);
    }
}

TEST(Lane, is_full_exactly_when_the_next_message_would_lie_over_what_is_still_read) {
    for (const auto start : starts)
        for (const std::size_t size : {0u, 48u, 49u, 112u, 113u, 300u, 496u}) {
            LocalRing l(32, start);
            l.places[0].head.store(start);
            l.places[0].policy.store(static_cast<std::uint32_t>(Policy::block));
            auto gate = l.gate();
            ring::LaneWriter w(l.lane());
            ring::LaneReader r(l.lane(), {start, 0});
            std::uint64_t sent = 0, got = 0;
            while (put(w, payload(sent, size), gate)) ++sent;
            EXPECT_LE(sent * ring::granules_of(size), 31u);
            EXPECT_GT((sent + 2) * ring::granules_of(size), 31u - ring::granules_of(size));
            for (int i = 0; i < 500; ++i) {
                ASSERT_FALSE(put(w, payload(sent, size), gate));
                ASSERT_EQ(read_one(r), payload(got++, size));
                l.places[0].head.store(r.at().position);
                while (put(w, payload(sent, size), gate)) ++sent;
            }
        }
}

TEST(Lane, the_next_writer_goes_on_behind_the_last_message) {
    for (const auto start : starts) {
        LocalRing l(32, start);
        const auto nobody = [](std::uint64_t tail) { return tail; };
        ring::LaneReader r(l.lane(), {start, 0});
        std::uint64_t sent = 0;
        for (int writers = 0; writers < 300; ++writers) {
            ring::LaneWriter w(l.lane());
            ASSERT_EQ(w.tail().number, sent) << writers << " from " << start;
            ASSERT_EQ(w.tail().position, r.at().position);
            for (int i = 0; i < writers % 7; ++i, ++sent) {
                const auto s = payload(sent, sent * 37 % 497);
                ASSERT_TRUE(put(w, s, nobody));
                ASSERT_EQ(read_one(r), s);
            }
        }
    }
}

// A queue's producer says a whole lap ahead what it will write. Killed after any message, and taken as fast as it puts:
// the next one must find the same end, or it is behind the head and has no room for ever.
TEST(Lane, the_next_writer_finds_the_end_also_where_the_last_one_went_a_lap_without_a_look) {
    for (unsigned seed = 0; seed < 100; ++seed) {
        const auto start = starts[seed % std::size(starts)];
        LocalRing l(64, start);
        std::uint64_t head = start;
        const auto taken = [&](std::uint64_t) { return head; };
        ring::LaneWriter w(l.lane(), 64);
        std::mt19937 random(seed);
        for (std::uint64_t i = 0; i < 1000; ++i) {
            const std::size_t size = seed % 3 == 0 ? 0 : random() % 300;
            // Full, it gets a little room, or all of it.
            while (!put(w, payload(i, size), taken)) {
                const auto left = w.tail().position - head;
                head += random() % 2 ? std::min<std::uint64_t>(left, 1 + random() % 6) : left;
            }
            if (random() % 8 == 0) head = w.tail().position;
            const ring::LaneWriter next(l.lane(), 64);
            ASSERT_EQ(next.tail().position, w.tail().position) << i << " of seed " << seed;
            ASSERT_EQ(next.tail().number, w.tail().number);
        }
    }
}

TEST(Lane, old_bytes_never_look_like_a_message) {
    // Every word of every message is what the turn of some slot would be.
    for (const auto start : starts) {
        LocalRing l(32, start);
        const auto nobody = [](std::uint64_t tail) { return tail; };
        ring::LaneWriter w(l.lane());
        ring::LaneReader r(l.lane(), {start, 0});
        for (std::uint64_t i = 0; i < 5000; ++i) {
            const std::size_t words = i * 7 % 62;
            std::vector<std::uint64_t> turns(words);
            // The first data word of a continued granule lies where its slot's turn does.
            for (std::size_t k = 0; k < words; ++k) turns[k] = w.tail().position + 32 * (i % 3) + (k + 10) / 8;
            const std::string s(reinterpret_cast<const char*>(turns.data()), words * 8);
            ASSERT_TRUE(put(w, s, nobody));
            ASSERT_EQ(read_one(r), s);
            ASSERT_EQ(read_one(r), "nothing") << i << " from " << start;
        }
    }
}

TEST(Lane, who_was_overrun_sees_it_and_resumes_with_the_exact_number) {
    for (const auto start : starts)
        for (const std::uint64_t burst : {31u, 32u, 33u, 40u, 333u}) {
            LocalRing l(32, start);
            const auto nobody = [](std::uint64_t tail) { return tail; };
            ring::LaneWriter w(l.lane());
            ring::LaneReader r(l.lane(), {start, 0});
            std::uint64_t sent = 0, lost = 0, got = 0;
            for (int round = 0; round < 50; ++round) {
                for (std::uint64_t i = 0; i < burst; ++i, ++sent)
                    ASSERT_TRUE(put(w, payload(sent, sent * 31 % 200), nobody));
                if (!r.intact(r.at().position)) lost += r.resume();
                ASSERT_TRUE(r.intact(r.at().position));
                ASSERT_EQ(r.at().number, got + lost);
                for (; got + lost < sent; ++got)
                    ASSERT_EQ(read_one(r), payload(got + lost, (got + lost) * 31 % 200)) << round;
                ASSERT_EQ(read_one(r), "nothing");
            }
            EXPECT_EQ(got + lost, sent);
        }
}

TEST(Lane, a_cursor_that_cannot_be_holds_up_and_lets_nothing_be_written_over) {
    for (const std::uint64_t lie : {1ull << 40, ~0ull, 12345ull}) {
        LocalRing l(32, 1000, 2);
        for (auto& c : l.places) c.head.store(1000), c.policy.store(static_cast<std::uint32_t>(Policy::block));
        l.places[1].head.store(lie);
        auto gate = l.gate();
        ring::LaneWriter w(l.lane());
        std::uint64_t sent = 0;
        while (sent < 1000 && put(w, "x", gate)) ++sent;
        EXPECT_LT(sent, 32u);
    }
}

TEST(Lane, a_queue_head_is_found_near_any_position) {
    for (const auto start : starts)
        for (std::uint64_t off = 0; off < 1000; off += 37) {
            const auto head = start + off;
            for (const std::uint64_t near : {head, head + 1, head + 1000, head - 1000}) {
                EXPECT_EQ(ring::position_of_head(ring::head_word(head, 5), near), head);
                EXPECT_EQ(ring::cell_of_head(ring::head_word(head, 5)), 5u);
            }
        }
}

}  // namespace
