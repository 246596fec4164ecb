// What requests promise, whatever carries them; clients and servers in processes of their own.
#include "patterns/stage.hpp"
#include "support/together.hpp"

#include <poll.h>
#include <unistd.h>

#include <atomic>

namespace wye::test {
namespace {

class Request : public testing::TestWithParam<Subject> {
protected:
    void SetUp() override { stage_ = GetParam().make(); }
    const carrier::Abilities& able() const { return GetParam().able; }
    template <Payload Req = int, Payload Rep = int>
    auto first_server() {
        return or_throw(Server<Req, Rep>::open(stage_->first, {}, patience));
    }
    template <Payload Req = int, Payload Rep = int>
    auto other_server() {
        return or_throw(Server<Req, Rep>::open(stage_->others, {}, patience));
    }
    template <Payload Req = int, Payload Rep = int>
    auto client() {
        return or_throw(Client<Req, Rep>::open(stage_->others, {}, patience));
    }
    // Serves in a process of its own until it is ended.
    template <class F>
    Child serving(F handle, bool first = true) {
        Child c([this, handle, first] {
            auto s = first ? first_server() : other_server();
            ready_.open();
            for (;;)
                if (auto r = s.serve_one(handle, patience); !r) return false;
        });
        ready_.wait();
        return c;
    }
    std::unique_ptr<Stage> stage_;
    Gate ready_, go_;
};

TEST_P(Request, IsAnswered) {
    const auto server = serving([](int x) { return x * x; });
    auto c = client();
    for (int i = 0; i < 500; ++i) {
        const auto got = c.call(i, patience);
        WYE_ASSERT_OK(got);
        ASSERT_EQ(*got, i * i);
    }
}

TEST_P(Request, OfAnySize) {
    Child server([&] {
        auto s = first_server<std::string, std::string>();
        ready_.open();
        for (;;)
            if (!s.serve_one([](const std::string& x) { return x + x; }, patience)) return false;
    });
    ready_.wait();
    auto c = client<std::string, std::string>();
    for (const std::size_t n : {0u, 1u, 100u, 5000u, 70'000u}) {
        const std::string text(n, 'x');
        const auto got = c.call(text, patience);
        WYE_ASSERT_OK(got);
        EXPECT_EQ(*got, text + text);
    }
}

TEST_P(Request, ManyAskAtOnce) {
    constexpr int n = 200;
    const auto server = serving([](int x) { return x + 1; });
    std::vector<Child> all;
    for (int k = 0; k < 4; ++k)
        all.emplace_back([&, k] {
            auto c = client();
            for (int i = 0; i < n; ++i)
                if (or_throw(c.call(k * 1000 + i, patience)) != k * 1000 + i + 1) return false;
            return true;
        });
    for (auto& c : all) EXPECT_TRUE(c.ok());
}

TEST_P(Request, RefusalsComeAsTheyWere) {
    const auto server = serving([](int x) -> Result<int> {
        if (x < 0) return refuse(Errc::denied, "no roots of " + std::to_string(x));
        return x;
    });
    auto c = client();
    const auto got = c.call(-4, patience);
    WYE_EXPECT_ERRC(Errc::denied, got);
    EXPECT_NE(got.error().message().find("no roots of -4"), std::string::npos) << got.error().message();
    EXPECT_EQ(or_throw(c.call(4, patience)), 4);
}

TEST_P(Request, HasADeadline) {
    const auto server = serving([](int ms) { return ::poll(nullptr, 0, ms), ms; });
    auto c = client();
    const auto begin = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, c.call(500, 100ms));
    EXPECT_LT(Deadline::Clock::now() - begin, 400ms);
    EXPECT_EQ(or_throw(c.call(1, patience)), 1);  // and the late answer is nobody's
}

TEST_P(Request, WithoutAServer) {
    std::optional<Child> keeps;  // a listener that serves nothing, where one must be there to connect to
    if (stage_->first != stage_->others)
        keeps.emplace([&] {
            auto s = first_server();
            ready_.open();
            return go_.wait() > 1;
        }),
            ready_.wait();
    auto c = client();
    const auto got = c.call(1, 200ms);
    if (able().sees_no_server && !keeps)
        WYE_EXPECT_ERRC(Errc::not_found, got);
    else
        WYE_EXPECT_ERRC(Errc::timed_out, got);
}

TEST_P(Request, ServersShareTheLoad) {
    if (!able().many_servers) GTEST_SKIP() << "one server";
    Shared<std::array<std::atomic<int>, 2>> served;
    const auto work = [&](int who) {
        return [&, who](int x) { return (*served)[static_cast<std::size_t>(who)]++, ::poll(nullptr, 0, 5), x; };
    };
    const auto one = serving(work(0)), two = serving(work(1), false);
    std::vector<Child> all;
    for (int k = 0; k < 4; ++k)
        all.emplace_back([&] {
            auto c = client();
            for (int i = 0; i < 25; ++i)
                if (or_throw(c.call(i, patience)) != i) return false;
            return true;
        });
    for (auto& c : all) EXPECT_TRUE(c.ok());
    EXPECT_EQ((*served)[0] + (*served)[1], 100);
    EXPECT_GT((*served)[0], 15);
    EXPECT_GT((*served)[1], 15);
}

// Who asks opens first, so that no server's death is the channel's.
TEST_P(Request, IsAskedAgainOnlyIfItMayBe) {
    if (!able().many_servers) GTEST_SKIP() << "one server";
    for (const bool idempotent : {true, false}) {
        stage_.reset();
        stage_ = GetParam().make();
        Gate open, go, taken;
        Child asks([&] {
            auto c = or_throw(Client<int, int>::open(stage_->first, {}, patience));
            open.open();
            go.wait();
            const auto got = c.call(7, idempotent ? patience : 2s, {.idempotent = idempotent});
            if (idempotent) return got && *got == 1007;
            // Over a broker nobody sees it die.
            return !got &&
                   (got.error().is(Errc::peer_died) || (able().reaches_network && got.error().is(Errc::timed_out)));
        });
        open.wait();
        // Whoever gets it first keeps it until he is killed over it.
        Shared<std::atomic<int>> doomed;
        const auto handle = [&](int x) {
            if (int nobody = 0; doomed->compare_exchange_strong(nobody, ::getpid()))
                taken.open(::getpid()), ::poll(nullptr, 0, 10'000);
            return x + 1000;
        };
        Child servers[] = {serving(handle, false), serving(handle, false)};
        go.open();
        const int pid = taken.wait();
        for (auto& s : servers)
            if (s.pid() == pid) s.kill();
        EXPECT_TRUE(asks.ok()) << (idempotent ? "idempotent" : "not idempotent");
    }
}

TEST_P(Request, AnswersInParts) {
    if (!able().streams) GTEST_SKIP() << "an answer is one message";
    Child server([&] {
        auto s = first_server();
        ready_.open();
        for (;;) {
            const auto r = s.serve_one(
                [](int n, Replier<int>& to) -> Result<> {
                    for (int i = 0; i < n; ++i) WYE_CHECK(to.send(i));
                    return {};
                },
                patience);
            if (!r) return false;
        }
    });
    ready_.wait();
    auto c = client();
    for (const int n : {0, 1, 100}) {
        auto replies = or_throw(c.stream(n, patience));
        for (int i = 0; i < n; ++i) {
            const auto got = replies.next();
            WYE_ASSERT_OK(got);
            ASSERT_EQ(*got, i);
        }
        WYE_EXPECT_ERRC(Errc::closed, replies.next());
    }
    { auto dropped = or_throw(c.stream(50, patience)); }
    auto after = or_throw(c.stream(1, patience));
    EXPECT_EQ(or_throw(after.next()), 0);
}

TEST_P(Request, SeveralAreUnderWay) {
    const auto server = serving([](int x) { return -x; });
    auto c = client();
    std::vector<std::uint64_t> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(or_throw(c.begin(i, patience)));
    pollfd p{c.native_handle(), POLLIN, 0};
    ASSERT_GE(p.fd, 0);
    for (int i = 9; i >= 0; --i)
        for (;;) {
            const auto got = c.poll(calls[static_cast<std::size_t>(i)]);
            if (got) {
                EXPECT_EQ(*got, -i);
                break;
            }
            ASSERT_TRUE(got.error().is(Errc::timed_out)) << got.error().message();
            ASSERT_EQ(::poll(&p, 1, 10'000), 1);
        }
}

TEST_P(Request, AKilledClientIsNobodysTrouble) {
    const auto server = serving([](int ms) { return ::poll(nullptr, 0, ms), ms; });
    Child dies([&] {
        auto c = client();
        (void)or_throw(c.begin(100, patience));
        go_.open();
        return ready_.wait() > 1;
    });
    go_.wait();
    dies.kill();
    auto c = client();
    EXPECT_EQ(or_throw(c.call(1, patience)), 1);
}

INSTANTIATE_TEST_SUITE_P(Patterns, Request, testing::ValuesIn(request_subjects()), name_of);

}  // namespace
}  // namespace wye::test
