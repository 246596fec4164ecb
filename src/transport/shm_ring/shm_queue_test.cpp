// Jobs: each to one worker, and again to another when that one gives it back or dies.
#include "support/together.hpp"
#include "transport/shm_ring/shm_ring_test.hpp"

#include <poll.h>

#include <optional>
#include <random>
#include <set>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

std::string text_of_job(const ShmJob& j) { return std::string(text_of(j.bytes())); }
Result<ShmJob> take(ShmWorker& w) { return w.take(Deadline::now()); }

TEST(ShmQueue, every_size_comes_whole) {
    const NamedRing n({.shape = Shape::queue});
    auto p = n.producer();
    auto w = n.worker();
    for (const std::size_t size : {0u, 1u, 48u, 49u, 223u, 224u, 225u, 4096u, 100'000u, 3'000'000u})
        for (std::uint64_t i = 0; i < 6; ++i) {
            WYE_ASSERT_OK(p.send(bytes_of(payload(i, size)), Deadline::now()));
            ASSERT_TRUE(receive(w) == payload(i, size)) << size;
        }
}

TEST(ShmQueue, a_job_that_is_dropped_comes_again_and_says_so) {
    for (const std::size_t size : {10u, 5000u}) {
        const NamedRing n({.shape = Shape::queue});
        auto p = n.producer();
        auto a = n.worker(), b = n.worker();
        for (std::uint64_t i = 0; i < 3; ++i) WYE_ASSERT_OK(p.send(bytes_of(payload(i, size))));
        for (unsigned k = 1; k < 300; ++k) {
            const auto j = or_throw(take(k % 2 ? a : b));
            EXPECT_TRUE(text_of_job(j) == payload(0, size));
            EXPECT_EQ(j.deliveries(), std::min(k, 255u));
        }
        auto j = or_throw(take(a));
        std::move(j).done();
        EXPECT_EQ(or_throw(take(b)).deliveries(), 1u);
        EXPECT_TRUE(text_of_job(or_throw(take(a))) == payload(1, size));
    }
}

TEST(ShmQueue, a_job_of_a_killed_worker_comes_to_the_next) {
    for (const std::size_t size : {10u, 5000u}) {
        const NamedRing n({.shape = Shape::queue});
        auto p = n.producer();
        auto w = n.worker();
        for (std::uint64_t i = 0; i < 3; ++i) WYE_ASSERT_OK(p.send(bytes_of(payload(i, size))));
        Child child([&] {
            auto mine = n.worker();
            const auto x = take(mine), y = take(mine);
            ::kill(::getpid(), SIGKILL);
            return false;
        });
        EXPECT_FALSE(child.ok());
        WYE_ASSERT_OK(p.send(bytes_of(payload(3, size)), 10s));  // not over a loan that comes again
        std::set<std::string> texts;
        unsigned again = 0;
        for (int i = 0; i < 4; ++i) {
            auto j = or_throw(w.take(10s));
            again += j.deliveries() == 2;
            texts.insert(text_of_job(j));
            std::move(j).done();
        }
        EXPECT_EQ(texts, (std::set{payload(0, size), payload(1, size), payload(2, size), payload(3, size)}));
        EXPECT_EQ(again, 2u);
    }
}

TEST(ShmQueue, a_job_that_came_back_too_often_is_set_aside) {
    const NamedRing n({.shape = Shape::queue, .most_deliveries = 3});
    auto p = n.producer();
    auto w = n.worker();
    WYE_ASSERT_OK(p.send(bytes_of("poison")));
    WYE_ASSERT_OK(p.send(bytes_of("good")));
    WYE_EXPECT_ERRC(Errc::timed_out, w.take_poisoned());
    for (unsigned i = 1; i <= 3; ++i) {
        const auto j = or_throw(take(w));
        EXPECT_EQ(text_of_job(j), "poison");
        EXPECT_EQ(j.deliveries(), i);
    }
    EXPECT_EQ(receive(w), "good");
    EXPECT_EQ(receive(w), "error: timed_out");
    { const auto looked_at = or_throw(w.take_poisoned()); }  // it stays set aside
    EXPECT_EQ(receive(w), "error: timed_out");
    auto j = or_throw(w.take_poisoned());
    EXPECT_EQ(text_of_job(j), "poison");
    std::move(j).done();
    WYE_EXPECT_ERRC(Errc::timed_out, w.take_poisoned());
}

TEST(ShmQueue, each_producers_jobs_come_in_order_and_more_producers_than_lanes_are_told) {
    const NamedRing n({.shape = Shape::queue, .lanes = 2});
    auto w = n.worker();
    std::optional<ShmProducer> a(n.producer()), b(n.producer());
    const auto third = ShmProducer::open(n.name, n.how);
    WYE_EXPECT_ERRC(Errc::busy, third);
    EXPECT_NE(third.error().message().find("2 lanes"), std::string::npos) << third.error().message();
    for (int i = 0; i < 50; ++i) {
        WYE_ASSERT_OK(a->send(bytes_of("a" + std::to_string(i))));
        WYE_ASSERT_OK(b->send(bytes_of("b" + std::to_string(i))));
    }
    a.reset();
    auto c = n.producer();  // in a's lane, behind what is there
    WYE_ASSERT_OK(c.send(bytes_of("a50")));
    int next[2] = {};
    for (int i = 0; i < 101; ++i) {
        const auto s = receive(w);
        ASSERT_EQ(s.substr(1), std::to_string(next[s[0] - 'a']++)) << s;
    }
}

TEST(ShmQueue, a_strict_one_is_first_in_first_out_over_all_producers) {
    for (const std::uint64_t start : {0ull, (1ull << 48) - 20, ~0ull - 20}) {
        const NamedRing n({.shape = Shape::queue, .bytes = 2048, .strict = true, .start = start});
        auto w = n.worker();
        std::vector<ShmProducer> all;
        for (int i = 0; i < 5; ++i) all.push_back(n.producer());
        std::uint64_t sent = 0, got = 0;
        for (int i = 0; i < 4000; ++i) {
            auto& p = all[static_cast<std::size_t>(i * 7 % 5)];
            if (p.send(bytes_of(payload(sent, sent % 225)), Deadline::now())) ++sent;
            if (i % 3 != 0 && receive(w) == payload(got, got % 225)) ++got;
        }
        for (; got < sent; ++got) ASSERT_EQ(receive(w), payload(got, got % 225));
        EXPECT_GT(sent, 2000u);
    }
}

TEST(ShmQueue, an_empty_job_is_put_into_a_strict_lane_only_by_who_has_it) {
    const NamedRing n({.shape = Shape::queue, .strict = true});
    auto w = n.worker();
    auto a = n.producer(), b = n.producer();
    for (int i = 0; i < 100; ++i) {
        WYE_ASSERT_OK(a.send({}, Deadline::now()));
        WYE_ASSERT_OK(b.send(bytes_of("b" + std::to_string(i)), Deadline::now()));
        ASSERT_EQ(receive(w), "");
        ASSERT_EQ(receive(w), "b" + std::to_string(i));
    }
    const auto p = n.pages();
    p.lanes[0].header->writer.store(77);  // as if somebody had it
    WYE_EXPECT_ERRC(Errc::timed_out, a.send({}, Deadline::now()));
    p.lanes[0].header->writer.store(0);
}

TEST(ShmQueue, more_jobs_in_hands_than_there_are_cells) {
    const NamedRing n({.shape = Shape::queue, .participants = 4});
    auto p = n.producer();
    auto w = n.worker();
    std::vector<ShmJob> hands;
    for (int i = 0; i < 20; ++i) WYE_ASSERT_OK(p.send(bytes_of(std::to_string(i))));
    for (auto j = take(w); j; j = take(w)) hands.push_back(std::move(*j));
    EXPECT_EQ(hands.size(), 16u);
    WYE_EXPECT_ERRC(Errc::exhausted, take(w));
    std::move(hands.back()).done();
    hands.pop_back();
    EXPECT_EQ(text_of_job(or_throw(take(w))), "16");
}

std::string text_of_run(ShmWorker& w, std::size_t most) {
    std::string all;
    const auto n = w.drain(
        most,
        [&](ShmJob job) {
            all += std::string(text_of(job.bytes())) + (job.deliveries() == 1 ? "" : "again") + ' ';
            std::move(job).done();
        },
        100ms);
    return n ? all : "error: " + std::string(name(n.error().kind()));
}

TEST(ShmQueue, runs_come_in_order_and_are_no_longer_than_was_asked) {
    const NamedRing n({.shape = Shape::queue, .lanes = 1});
    auto p = n.producer();
    auto w = n.worker(), other = n.worker();
    std::vector<std::string> texts;
    std::vector<Bytes> all;
    for (int i = 0; i < 12; ++i) texts.push_back(std::to_string(i));
    for (const auto& t : texts) all.push_back(bytes_of(t));
    EXPECT_EQ(or_throw(p.send_many(all)), all.size());
    EXPECT_EQ(text_of_run(w, 1), "0 ");
    EXPECT_EQ(text_of_run(w, 6), "1 2 3 4 5 6 ");
    EXPECT_EQ(text_of_run(other, 2), "7 8 ");
    EXPECT_EQ(text_of_run(w, 100), "9 10 11 ");
    EXPECT_EQ(text_of_run(w, 100), "error: timed_out");
}

TEST(ShmQueue, what_a_run_leaves_in_hand_is_taken_next_or_given_back) {
    const NamedRing n({.shape = Shape::queue, .lanes = 1});
    auto p = n.producer();
    for (const auto* t : {"a", "b", "c", "d"}) WYE_ASSERT_OK(p.send(bytes_of(t)));
    auto w = std::make_optional(n.worker());
    const auto first = [](ShmJob job) {
        std::move(job).done();
        throw std::runtime_error("enough");
    };
    EXPECT_THROW((void)w->drain(4, first), std::runtime_error);
    EXPECT_EQ(receive(*w), "b");
    w.reset();
    auto other = n.worker();
    auto again = text_of_run(other, 1);
    again += text_of_run(other, 4);
    EXPECT_TRUE(again == "cagain dagain " || again == "dagain cagain ") << again;
}

TEST(ShmQueue, a_worker_is_told_when_nobody_is_left_and_a_producer_likewise) {
    const NamedRing n({.shape = Shape::queue, .bytes = 2048, .lanes = 1});
    std::optional<ShmWorker> w(n.worker());
    EXPECT_EQ(receive(*w), "error: timed_out");  // nobody was ever there
    std::optional<ShmProducer> p(n.producer());
    WYE_ASSERT_OK(p->send(bytes_of("last")));
    p.reset();
    {
        auto other = n.worker();
        const auto j = or_throw(take(other));
        EXPECT_EQ(receive(*w), "error: timed_out");  // it may come back
    }
    EXPECT_EQ(receive(*w), "last");
    EXPECT_EQ(receive(*w), "error: closed");
    p.emplace(n.producer());
    w.reset();
    Result<> sent;
    for (int i = 0; i < 100 && sent; ++i) sent = p->send(bytes_of("x"), 10s);
    WYE_EXPECT_ERRC(Errc::closed, sent);
}

TEST(ShmQueue, jobs_in_loans_lie_where_they_are_until_they_are_done) {
    NamedRing n({.shape = Shape::queue});
    n.how.most_lent = 400'000;
    auto p = n.producer();
    auto a = n.worker(), b = n.worker();
    std::vector<std::pair<std::uint64_t, ShmJob>> hands;
    std::uint64_t sent = 0, taken = 0;
    for (int i = 0; i < 600; ++i) {
        if (p.send(bytes_of(payload(sent, 20'000)), Deadline::now())) ++sent;
        if (hands.size() < 10)
            if (auto j = take(i % 2 ? a : b)) hands.emplace_back(taken++, std::move(*j));
        for (const auto& [k, j] : hands) ASSERT_TRUE(text_of_job(j) == payload(k, 20'000)) << k << " at " << i;
        if (i % 3 != 0 && !hands.empty()) {
            const auto at = static_cast<std::ptrdiff_t>(static_cast<std::size_t>(i) * 5 % hands.size());
            std::move(hands[static_cast<std::size_t>(at)].second).done();
            hands.erase(hands.begin() + at);
        }
    }
    EXPECT_GT(sent, 350u);
}

TEST(ShmQueue, the_next_producer_spares_loans_in_the_lane_and_in_hands) {
    NamedRing n({.shape = Shape::queue, .lanes = 1});
    n.how.most_lent = 400'000;
    auto w = n.worker();
    std::vector<std::pair<std::uint64_t, ShmJob>> hands;
    std::uint64_t sent = 0, taken = 0;
    for (int round = 0; round < 60; ++round) {
        auto p = n.producer();
        for (int i = 0; i < 7 && p.send(bytes_of(payload(sent, 20'000)), Deadline::now()); ++i) ++sent;
        for (int i = 0; i < 4; ++i)
            if (auto j = take(w)) hands.emplace_back(taken++, std::move(*j));
        for (const auto& [k, j] : hands) ASSERT_TRUE(text_of_job(j) == payload(k, 20'000)) << k << " at " << round;
        while (hands.size() > 3) std::move(hands.front().second).done(), hands.erase(hands.begin());
    }
    EXPECT_GT(sent, 200u);
}

// Each message alone, so that one that comes while its reader arms is not made good by the next.
TEST(ShmQueue, who_polls_hears_of_every_message) {
    constexpr int rounds = 3000;
    const NamedRing n({.shape = Shape::queue});
    auto w = n.worker();
    const Gate taken;
    Child sends([&] {
        auto p = n.producer();
        for (int i = 0; i < rounds; i += 2) {
            if (!p.send(bytes_of("one"), 10s) || !p.send(bytes_of("two"), 10s)) return false;
            taken.wait();
        }
        return true;
    });
    pollfd p{.fd = w.native_handle(), .events = POLLIN, .revents = 0};
    for (int got = 0; got < rounds;) {
        if (auto job = take(w)) {
            std::move(*job).done();
            if (++got % 2 == 0) taken.open();
            continue;
        }
        ASSERT_EQ(::poll(&p, 1, 10'000), 1) << got;
    }
    EXPECT_TRUE(sends.ok());
}

// Both sleep by descriptors, and are rung for each other's room while they arm again.
TEST(ShmQueue, a_producer_that_was_rung_for_anothers_room_hears_of_its_own) {
    constexpr int rounds = 60, many = 200;
    const NamedRing n({.shape = Shape::queue, .bytes = 2048});
    auto w = n.worker();
    const Gate go;
    std::vector<Child> producers;
    for (int i = 0; i < 2; ++i)
        producers.emplace_back([&] {
            auto p = n.producer();
            for (int round = 0; round < rounds; ++round) {
                for (int k = 0; k < many; ++k)
                    if (!p.send(bytes_of(payload(0, 40)), 5s)) return false;
                go.wait();
            }
            return true;
        });
    std::minstd_rand some(1);
    for (int round = 0; round < rounds; ++round) {
        std::this_thread::sleep_for(25ms);
        for (int got = 0; got < 2 * many; ++got) {
            auto job = w.take(3s);
            ASSERT_TRUE(job) << "round " << round << ", job " << got << ": " << job.error().message();
            std::move(*job).done();
            for (auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(some() % 60);
                 std::chrono::steady_clock::now() < end;) {}
        }
        go.open(), go.open();
    }
    for (auto& p : producers) EXPECT_TRUE(p.ok());
}

TEST(ShmQueue, a_child_of_fork_is_refused_and_gives_nothing_back) {
    const NamedRing n({.shape = Shape::queue});
    auto p = n.producer();
    auto w = n.worker();
    WYE_ASSERT_OK(p.send(bytes_of("one")));
    auto j = or_throw(take(w));
    Child child([&] {
        WYE_EXPECT_ERRC(Errc::unsupported, p.send(bytes_of("no")));
        WYE_EXPECT_ERRC(Errc::unsupported, p.send({}));
        WYE_EXPECT_ERRC(Errc::unsupported, p.loan(1));
        WYE_EXPECT_ERRC(Errc::unsupported, p.close_write());
        WYE_EXPECT_ERRC(Errc::unsupported, take(w));
        WYE_EXPECT_ERRC(Errc::unsupported, w.take_poisoned());
        { const auto gone = std::move(j); }
        { const auto gone = std::move(w); }
        { const auto gone = std::move(p); }
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(receive(w), "error: timed_out");
    EXPECT_EQ(text_of_job(j), "one");
    EXPECT_EQ(j.deliveries(), 1u);
}

TEST(ShmQueue, removed_while_a_worker_and_a_producer_wait) {
    for (const bool works : {false, true}) {
        const NamedRing n({.shape = Shape::queue, .bytes = 2048, .lanes = 1});
        Gate waits;
        Child child([&] {
            auto w = n.worker();
            auto p = n.producer();
            while (!works && p.send(bytes_of("x"), Deadline::now())) {}
            waits.open();
            return works ? receive(w, 20s) == "error: closed" : p.send(bytes_of("x"), 20s).error().is(Errc::closed);
        });
        waits.wait();
        std::this_thread::sleep_for(20ms);
        WYE_ASSERT_OK(n.remove());
        EXPECT_TRUE(child.ok(10s));
    }
}

}  // namespace
