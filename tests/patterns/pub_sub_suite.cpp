// What pub-sub promises, whatever carries it; publisher and subscribers in processes of their own.
#include "patterns/stage.hpp"
#include "support/together.hpp"

#include <poll.h>

#include <set>

namespace wye::test {
namespace {

class PubSub : public testing::TestWithParam<Subject> {
protected:
    void SetUp() override { stage_ = GetParam().make(); }
    const carrier::Abilities& able() const { return GetParam().able; }
    // For who is to lose nothing: where nobody can wait for it, it has room for what these tests send.
    Slow lossless() const { return able().blocks ? Slow::block : Slow::drop_oldest; }
    std::unique_ptr<Stage> stage_;
    Gate ready_, heard_;

    template <Payload T = Numbered>
    auto publisher(PublishOptions o = {}) {
        return or_throw(Publisher<T>::open(stage_->first, o, patience));
    }
    template <Payload T = Numbered>
    auto subscriber(SubscribeOptions o = {}) {
        return or_throw(Subscriber<T>::open(stage_->others, o, patience));
    }
};

TEST_P(PubSub, WholeAndInOrderToAll) {
    constexpr unsigned n = 3000, subscribers = 3;
    auto out = publisher();
    std::vector<Child> all;
    for (unsigned i = 0; i < subscribers; ++i)
        all.emplace_back([&] {
            auto in = subscriber({.slow = lossless()});
            ready_.open();
            for (unsigned k = 0; k < n; ++k) {
                const auto got = or_throw(in.next(patience));
                if (!got->whole() || got->number != k) return false;
            }
            return in.lost() == 0;
        });
    for (unsigned i = 0; i < subscribers; ++i) ready_.wait();
    for (unsigned k = 0; k < n; ++k) WYE_ASSERT_OK(out.publish(Numbered::make(0, k), {}, patience));
    WYE_ASSERT_OK(out.flush(patience));
    for (auto& s : all) EXPECT_TRUE(s.ok());
}

TEST_P(PubSub, FiltersByTopic) {
    auto out = publisher<std::string>();
    Child some([&] {
        auto in = subscriber<std::string>({.filter = "prices.*.eur", .slow = lossless()});
        ready_.open();
        for (const auto* expected : {"a", "c"}) {
            const auto got = or_throw(in.next(patience));
            if (*got != expected || !matches("prices.*.eur", got.topic())) return false;
        }
        return true;
    });
    Child most([&] {
        auto in = subscriber<std::string>({.filter = "prices.>", .slow = lossless()});
        ready_.open();
        for (const auto* expected : {"a", "b", "c"})
            if (*or_throw(in.next(patience)) != expected) return false;
        return true;
    });
    ready_.wait(), ready_.wait();
    for (const auto& [topic, text] : {std::pair{"prices.fx.eur", "a"},
                                      {"prices.fx.usd", "b"},
                                      {"news", "x"},
                                      {"prices.metal.eur", "c"},
                                      {"prices", "y"}})
        WYE_ASSERT_OK(out.publish(text, topic, patience));
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(some.ok());
    EXPECT_TRUE(most.ok());
    WYE_EXPECT_ERRC(Errc::bad_address, out.publish("x", "a..b"));
    WYE_EXPECT_ERRC(Errc::bad_address, out.publish("x", "a.*"));
    WYE_EXPECT_ERRC(Errc::bad_address, Subscriber<>::open(stage_->others, {.filter = "a.>.b"}));
}

TEST_P(PubSub, WhoIsSlowLosesAndKnowsHowMany) {
    constexpr unsigned n = 20'000;
    constexpr auto size = 512;
    auto out = publisher<std::string>({.depth = 16384});
    Child slow([&] {
        auto in = subscriber<std::string>();
        ready_.open();
        heard_.wait();
        unsigned got = 0;
        for (unsigned last = 0;;) {
            const auto sample = or_throw(in.next(patience));
            const auto number = static_cast<unsigned>(std::stoul(*sample));
            if (got > 0 && number <= last) return false;
            ++got, last = number;
            if (number == n - 1) break;
        }
        return got < n && got + in.lost() == n;
    });
    ready_.wait();
    for (unsigned k = 0; k < n; ++k) {
        auto text = std::to_string(k);
        text.resize(size, ' ');
        WYE_ASSERT_OK(out.publish(text, {}, patience));
    }
    heard_.open();
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(slow.ok());
}

TEST_P(PubSub, LatestIsTheLatest) {
    auto out = publisher();
    Child in_time([&] {
        auto in = subscriber({.slow = Slow::latest});
        ready_.open();
        heard_.wait();
        // What is on its way when we look is not there yet: in the end it is the last one.
        unsigned got = 0;
        for (;; ++got) {
            const auto sample = or_throw(in.next(patience));
            if (!sample->whole()) return false;
            if (sample->number == 999) return got < 999;
        }
    });
    ready_.wait();
    for (unsigned k = 0; k < 1000; ++k) WYE_ASSERT_OK(out.publish(Numbered::make(0, k), {}, patience));
    WYE_ASSERT_OK(out.flush(patience));
    heard_.open();
    EXPECT_TRUE(in_time.ok());
}

TEST_P(PubSub, BeginsSomeMessagesBack) {
    if (!able().history) GTEST_SKIP() << "keeps no history";
    auto out = publisher();
    for (unsigned k = 0; k < 20; ++k) WYE_ASSERT_OK(out.publish(Numbered::make(0, k), {}, patience));
    WYE_ASSERT_OK(out.flush(patience));
    Child late([&] {
        auto in = subscriber({.slow = lossless(), .history = 5});
        for (unsigned k = 15; k < 20; ++k)
            if (or_throw(in.next(patience))->number != k) return false;
        return in.next(50ms).error().is(Errc::timed_out);
    });
    EXPECT_TRUE(late.ok());
}

TEST_P(PubSub, RefusesWhatIsTooBigAndGoesOn) {
    auto out = publisher<std::string>();
    Child in_order([&] {
        auto in = subscriber<std::string>({.slow = lossless()});
        ready_.open();
        return *or_throw(in.next(patience)) == "before" && *or_throw(in.next(patience)) == "after";
    });
    ready_.wait();
    WYE_ASSERT_OK(out.publish("before", {}, patience));
    WYE_EXPECT_ERRC(Errc::too_big, out.publish(std::string(out.max_message() + 1, 'x'), {}, patience));
    WYE_ASSERT_OK(out.publish("after", {}, patience));
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(in_order.ok());
}

TEST_P(PubSub, CarriesLargeAndEmptyMessages) {
    const std::size_t sizes[] = {0, 1, 47, 48, 49, 1000, 4096, 60'000, 200'000};
    auto out = publisher<std::string>();
    Child whole([&] {
        auto in = subscriber<std::string>({.slow = lossless()});
        ready_.open();
        for (const auto n : sizes) {
            const auto got = or_throw(in.next(patience));
            if (*got != std::string(n, static_cast<char>('a' + n % 26)) || got.topic() != "size") return false;
        }
        return true;
    });
    ready_.wait();
    for (const auto n : sizes)
        WYE_ASSERT_OK(out.publish(std::string(n, static_cast<char>('a' + n % 26)), "size", patience));
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(whole.ok());
}

TEST_P(PubSub, DraftsAreWrittenInPlace) {
    struct Large {
        std::uint64_t words[512];
    };
    auto out = publisher<Large>();
    Child in_place([&] {
        auto in = subscriber<Large>({.slow = lossless()});
        ready_.open();
        for (unsigned k : {1u, 3u})
            if (const auto got = or_throw(in.next(patience)); got->words[0] != k || got->words[511] != k) return false;
        return true;
    });
    ready_.wait();
    for (unsigned k = 1; k <= 3; ++k) {
        auto draft = or_throw(out.draft({}, patience));
        draft->words[0] = draft->words[511] = k;
        if (k == 2) continue;  // dropped: it was never there
        WYE_ASSERT_OK(std::move(draft).publish());
    }
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(in_place.ok());
}

TEST_P(PubSub, NobodyWaitsForNothing) {
    auto out = publisher();
    auto in = subscriber();
    const auto begin = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, in.next(Deadline::now()));
    EXPECT_LT(Deadline::Clock::now() - begin, 1s);
    WYE_EXPECT_ERRC(Errc::timed_out, in.next(100ms));
    EXPECT_GE(Deadline::Clock::now() - begin, 100ms);
    EXPECT_LT(cpu_time(), 30s);
}

TEST_P(PubSub, TellsByItsDescriptor) {
    auto out = publisher();
    Child polls([&] {
        auto in = subscriber();
        pollfd p{in.native_handle(), POLLIN, 0};
        if (p.fd < 0) return false;
        ready_.open();
        for (unsigned k = 0; k < 10;) {
            if (auto got = in.next(Deadline::now())) {
                if ((*got)->number != k++) return false;
                ready_.open();
            } else if (::poll(&p, 1, 10'000) != 1)
                return false;
        }
        return true;
    });
    ready_.wait();
    for (unsigned k = 0; k < 10; ++k) {
        WYE_ASSERT_OK(out.publish(Numbered::make(0, k), {}, patience));
        ready_.wait();
    }
    EXPECT_TRUE(polls.ok());
}

TEST_P(PubSub, AKilledSubscriberHoldsNobodyUp) {
    auto out = publisher<std::string>({.depth = 16384});
    Child dies([&] {
        auto in = subscriber<std::string>({.slow = lossless()});
        ready_.open();
        return or_throw(in.next(patience))->empty() || heard_.wait() > 1;
    });
    ready_.wait();
    dies.kill();
    for (unsigned k = 0; k < 2000; ++k) WYE_ASSERT_OK(out.publish(std::string(512, 'x'), {}, patience));
}

TEST_P(PubSub, TheNextPublisherIsHeard) {
    std::optional<Child> in;
    for (unsigned life = 0; life < 2; ++life) {
        Child out([&, life] {
            auto p = publisher();
            ready_.open();
            if (life > 0) heard_.wait();
            // Until somebody has heard it: who connects needs a moment to find the new one.
            for (unsigned k = 0; k < 200; ++k) {
                or_throw(p.publish(Numbered::make(life, k), {}, patience));
                or_throw(p.flush(patience));
                ::poll(nullptr, 0, 20);
            }
            return true;
        });
        ready_.wait();
        if (life == 0)
            in.emplace([&] {
                auto s = subscriber();
                if (or_throw(s.next(patience))->from != 0) return false;
                heard_.open(2);
                for (;;)
                    if (auto got = s.next(patience); got && (*got)->from == 1)
                        return true;
                    else if (!got && !got.error().is(Errc::peer_died))
                        return false;
            });
        if (life == 0) {
            EXPECT_EQ(heard_.wait(), 2);
            out.kill();
        } else {
            heard_.open();
            EXPECT_TRUE(in->ok());
        }
    }
}

TEST_P(PubSub, ManyPublish) {
    if (!able().many_publishers) {
        auto first = publisher();
        WYE_EXPECT_ERRC(Errc::busy, Publisher<>::open(stage_->first, {}, 100ms));
        return;
    }
    constexpr unsigned n = 500;
    auto in = or_throw(Subscriber<Numbered>::open(stage_->first, {.slow = lossless()}, patience));
    std::vector<Child> all;
    for (unsigned i = 0; i < 3; ++i)
        all.emplace_back([&, i] {
            auto out = or_throw(Publisher<Numbered>::open(stage_->others, {}, patience));
            for (unsigned k = 0; k < n; ++k) or_throw(out.publish(Numbered::make(i, k), {}, patience));
            or_throw(out.flush(patience));
            return true;
        });
    unsigned next[3] = {};
    for (unsigned k = 0; k < 3 * n; ++k) {
        const auto got = in.next(patience);
        WYE_ASSERT_OK(got);
        ASSERT_TRUE((*got)->whole());
        ASSERT_EQ((*got)->number, next[(*got)->from]++);
    }
    for (auto& c : all) EXPECT_TRUE(c.ok());
}

TEST_P(PubSub, WhatIsNoSuchStructureIsSaid) {
    auto out = publisher<std::string>();
    Child in([&] {
        auto s = subscriber({.slow = lossless()});
        ready_.open();
        return s.next(patience).error().is(Errc::mismatch) && or_throw(s.next(patience))->whole();
    });
    ready_.wait();
    WYE_ASSERT_OK(out.publish("four", {}, patience));
    const auto right = Numbered::make(1, 2);
    WYE_ASSERT_OK(out.publish(std::string(text_of(bytes_of(right))), {}, patience));
    WYE_ASSERT_OK(out.flush(patience));
    EXPECT_TRUE(in.ok());
}

INSTANTIATE_TEST_SUITE_P(Patterns, PubSub, testing::ValuesIn(pub_sub_subjects()), name_of);

}  // namespace
}  // namespace wye::test
