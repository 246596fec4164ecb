// One writer and many readers, each with its own idea of what becomes of it when it is slow.
#include "transport/shm_ring/shm_ring_test.hpp"

#include <optional>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

constexpr std::uint64_t starts[] = {0, (1ull << 32) - 20, (1ull << 48) - 20, ~0ull - 20};

std::string number(std::uint64_t i) { return std::to_string(i); }
std::uint64_t number_of(const std::string& s) { return std::stoull(s); }

NamedRing small(std::uint64_t start = 0) {
    return NamedRing({.shape = Shape::broadcast, .bytes = 2048, .participants = 8, .start = start});
}

TEST(ShmBroadcast, each_reader_gets_everything_from_where_it_joined) {
    for (const auto start : starts) {
        const auto n = small(start);
        auto w = n.writer();
        std::vector<std::pair<std::uint64_t, ShmReader>> readers;
        for (std::uint64_t i = 0; i < 200; ++i) {
            if (i % 40 == 0 && readers.size() < 5) readers.emplace_back(i, n.reader());
            WYE_ASSERT_OK(w.send(bytes_of(number(i)), Deadline::now()));
            for (auto& [next, r] : readers) ASSERT_EQ(receive(r), number(next++));
        }
        for (auto& [next, r] : readers) EXPECT_EQ(receive(r), "error: timed_out");
    }
}

TEST(ShmBroadcast, history_is_exact_as_far_as_it_is_there) {
    for (const auto start : starts) {
        const auto n = small(start);
        auto w = n.writer();
        for (std::uint64_t i = 0; i < 300; ++i) {
            WYE_ASSERT_OK(w.send(bytes_of(number(i)), Deadline::now()));
            for (const std::uint64_t back : {0u, 1u, 7u, 1000u}) {
                auto r = n.reader(Policy::drop, back);
                const auto got = receive(r);
                if (back == 0) {
                    EXPECT_EQ(got, "error: timed_out");
                } else if (back < 10) {
                    EXPECT_EQ(got, number(i + 1 < back ? 0 : i + 1 - back));
                } else {  // at least three quarters of the lane
                    ASSERT_LE(number_of(got) + 23, std::max<std::uint64_t>(i + 1, 23)) << i;
                }
                EXPECT_EQ(r.lost(), 0u);
            }
        }
    }
}

TEST(ShmBroadcast, a_reader_with_history_of_a_stream_whose_writer_has_gone) {
    const auto n = small();
    {
        auto w = n.writer();
        for (std::uint64_t i = 0; i < 5; ++i) WYE_ASSERT_OK(w.send(bytes_of(number(i))));
    }
    auto late = n.reader(Policy::block, 3);
    for (std::uint64_t i = 2; i < 5; ++i) EXPECT_EQ(receive(late), number(i));
    EXPECT_EQ(receive(late), "error: closed");
    auto now = n.reader();
    EXPECT_EQ(receive(now), "error: timed_out");  // nobody has told it anything: it waits for the next one
}

TEST(ShmBroadcast, who_blocks_is_waited_for_and_only_as_long_as_it_is_there) {
    const auto n = small();
    auto w = n.writer();
    auto fast = n.reader(Policy::drop);
    {
        auto slow = n.reader();
        int sent = 0;
        while (w.send(bytes_of("x"), Deadline::now())) ++sent;
        EXPECT_GE(sent, 24);
        WYE_EXPECT_ERRC(Errc::timed_out, w.send(bytes_of("x"), 5ms));
        for (int i = 0; i < sent; ++i) EXPECT_EQ(receive(slow), "x");
        EXPECT_EQ(receive(slow), "error: timed_out");
        WYE_ASSERT_OK(w.send(bytes_of("x"), Deadline::now()));
        EXPECT_EQ(slow.lost(), 0u);
    }
    for (int i = 0; i < 100; ++i) WYE_ASSERT_OK(w.send(bytes_of("x"), Deadline::now()));
    EXPECT_EQ(receive(fast), "x");
    EXPECT_GT(fast.lost(), 50u);
}

TEST(ShmBroadcast, who_drops_counts_exactly_what_it_lost) {
    for (const auto start : starts)
        for (const std::uint64_t burst : {1u, 20u, 31u, 32u, 33u, 64u, 1000u}) {
            const auto n = small(start);
            auto w = n.writer();
            auto r = n.reader(Policy::drop);
            std::uint64_t sent = 0, got = 0;
            for (int round = 0; round < 40; ++round) {
                for (std::uint64_t i = 0; i < burst; ++i, ++sent) {
                    const auto text = number(sent) + std::string(sent % 7 * 30, '.');
                    WYE_ASSERT_OK(w.send(bytes_of(text), Deadline::now()));
                }
                for (auto s = receive(r); s[0] != 'e'; s = receive(r)) {
                    ASSERT_EQ(number_of(s), got++ + r.lost()) << "burst " << burst << " from " << start;
                    if ((sent + got) % 5 == 0 && burst > 1) break;  // sometimes it stops in the middle
                }
            }
            while (receive(r)[0] != 'e') ++got;
            EXPECT_LE(got + r.lost(), sent + 40);
        }
}

TEST(ShmBroadcast, who_wants_the_latest_gets_the_newest_and_counts_the_rest) {
    for (const auto start : starts) {
        const auto n = small(start);
        auto w = n.writer();
        auto r = n.reader(Policy::latest);
        EXPECT_EQ(receive(r), "error: timed_out");
        std::uint64_t sent = 0, got = 0;
        for (const std::uint64_t burst : {1u, 2u, 30u, 31u, 32u, 33u, 100u, 5u, 1u, 1000u, 3u}) {
            for (std::uint64_t i = 0; i < burst; ++i, ++sent)
                WYE_ASSERT_OK(w.send(bytes_of(number(sent) + std::string(sent % 5 * 40, '.')), Deadline::now()));
            ASSERT_EQ(number_of(receive(r)), sent - 1);
            ++got;
            ASSERT_EQ(r.lost() + got, sent) << "burst " << burst << " from " << start;
            ASSERT_EQ(receive(r), "error: timed_out");
        }
    }
}

TEST(ShmBroadcast, a_demoted_reader_loses_only_after_its_patience_and_comes_back) {
    for (const bool tries : {false, true}) {  // a writer that waits, and one that comes again
        const auto n = small();
        auto w = n.writer();
        auto r = n.reader(Policy::demote, 0, 60);
        std::uint64_t sent = 0, got = 0;
        for (int round = 0; round < 3; ++round) {
            while (w.send(bytes_of(number(sent)), Deadline::now())) ++sent;
            const auto begin = std::chrono::steady_clock::now();
            if (tries) {
                while (!w.send(bytes_of(number(sent)), Deadline::now()))
                    ASSERT_LT(std::chrono::steady_clock::now() - begin, 20s);
            } else {
                WYE_ASSERT_OK(w.send(bytes_of(number(sent)), 20s));
            }
            EXPECT_GE(std::chrono::steady_clock::now() - begin, 55ms);
            ++sent;
            for (int i = 0; i < 100; ++i, ++sent) WYE_ASSERT_OK(w.send(bytes_of(number(sent)), Deadline::now()));
            for (auto s = receive(r); s[0] != 'e'; s = receive(r)) ASSERT_EQ(number_of(s), got++ + r.lost());
            EXPECT_EQ(got + r.lost(), sent);
            EXPECT_GT(r.lost(), 70u * static_cast<unsigned>(round + 1));
        }
    }
}

TEST(ShmBroadcast, a_demoted_reader_that_caught_up_in_time_loses_nothing_and_is_waited_for_again) {
    const auto n = small();
    auto w = n.writer();
    auto r = n.reader(Policy::demote, 0, 20);
    std::uint64_t sent = 0, got = 0;
    while (w.send(bytes_of(number(sent)), Deadline::now())) ++sent;
    const auto p = n.pages();
    const auto is = [&](Policy policy) {
        for (std::uint32_t i = 0; i < p.cursors.count; ++i)
            if (p.cursors.cursors[i].policy.load() == static_cast<std::uint32_t>(policy)) return true;
        return false;
    };
    while (!is(Policy::demoted))
        if (w.send(bytes_of(number(sent)), 1ms)) ++sent;
    for (auto s = receive(r); s[0] != 'e'; s = receive(r)) ASSERT_EQ(number_of(s), got++ + r.lost());
    EXPECT_EQ(got + r.lost(), sent);
    EXPECT_TRUE(is(Policy::demote));
    const auto lost = r.lost();
    for (int i = 0; i < 1000; ++i) {  // never full for as long as its patience: not one is lost
        for (int k = 0; k < 8; ++k) WYE_ASSERT_OK(w.send(bytes_of(number(sent++)), Deadline::now()));
        for (int k = 0; k < 8; ++k) ASSERT_EQ(number_of(receive(r)), got++ + r.lost());
    }
    EXPECT_EQ(r.lost(), lost);
}

TEST(ShmBroadcast, a_slow_reader_of_loans_is_demoted_too) {
    auto made = ShmShape{.shape = Shape::broadcast};
    NamedRing n(made);
    n.how.most_lent = 4 << 20;
    auto w = n.writer();
    auto r = n.reader(Policy::demote, 0, 20);
    std::uint64_t sent = 0;
    for (; sent < 12; ++sent) WYE_ASSERT_OK(w.send(bytes_of(payload(sent, 1 << 20)), 20s));
    std::uint64_t got = 0;
    for (auto s = receive(r); s[0] != 'e' || s.size() > 100; s = receive(r), ++got)
        ASSERT_TRUE(s == payload(got + r.lost(), 1 << 20));
    EXPECT_EQ(got + r.lost(), sent);
    EXPECT_GT(r.lost(), 0u);
}

TEST(ShmBroadcast, loans_of_who_is_not_waited_for_are_whole_or_lost) {
    NamedRing n({.shape = Shape::broadcast});
    n.how.most_lent = 1 << 20;
    std::uint64_t sent = 0, got = 0;
    auto r = n.reader(Policy::drop);
    std::vector<std::pair<std::uint64_t, Lease>> kept;
    for (int writers = 0; writers < 8; ++writers) {  // each takes over what the one before left
        auto w = n.writer();
        for (int i = 0; i < 60; ++i) {
            for (int k = 0; k < i % 9; ++k) WYE_ASSERT_OK(w.send(bytes_of(payload(sent++, 60'000)), 20s));
            if (kept.size() > 5) kept.erase(kept.begin() + i % 5);
            if (auto l = r.take(Deadline::now())) {
                ASSERT_TRUE(text_of(l->bytes()) == payload(got + r.lost(), 60'000))
                    << got << " read, " << r.lost() << " lost of " << sent << ", writer " << writers;
                kept.emplace_back(got++ + r.lost(), std::move(*l));
            }
            for (const auto& [k, l] : kept) ASSERT_TRUE(text_of(l.bytes()) == payload(k, 60'000));
        }
    }
    EXPECT_GT(got, 200u);
    EXPECT_GT(r.lost(), 100u);
}

TEST(ShmBroadcast, more_readers_than_places_and_places_that_are_free_again) {
    const auto n = small();
    auto w = n.writer();
    std::vector<ShmReader> all;
    for (int i = 0; i < 7; ++i) all.push_back(n.reader(i % 2 == 0 ? Policy::block : Policy::drop));
    WYE_EXPECT_ERRC(Errc::exhausted, ShmReader::open(n.name, n.how));
    WYE_ASSERT_OK(w.send(bytes_of("a"), Deadline::now()));
    all.pop_back();
    all.push_back(n.reader());
    EXPECT_EQ(receive(all.front()), "a");
    EXPECT_EQ(receive(all.back()), "error: timed_out");
}

TEST(ShmBroadcast, a_killed_reader_that_was_waited_for_holds_nobody_up) {
    const auto n = small();
    auto w = n.writer();
    Child child([&] {
        auto r = n.reader();
        ::kill(::getpid(), SIGKILL);
        return true;
    });
    EXPECT_FALSE(child.ok());
    for (int i = 0; i < 200; ++i) WYE_ASSERT_OK(w.send(bytes_of("x"), 10s));
}

}  // namespace
