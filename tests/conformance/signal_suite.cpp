// The promises of a set of signals, between processes.
#include "wye/sync/signals.hpp"

#include "support/support.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 10s;

class Signals : public ::testing::TestWithParam<bool> {  // real-time, or standard
protected:
    int number() const { return GetParam() ? or_throw(real_time(1)) : SIGUSR1; }
    void SetUp() override {
        before_ = open_descriptors();
        ::pthread_sigmask(SIG_BLOCK, nullptr, &mask_);
    }
    void TearDown() override {
        sigset_t now;
        ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
        for (int n = 1; n <= SIGRTMAX; ++n) EXPECT_EQ(sigismember(&now, n), sigismember(&mask_, n)) << "signal " << n;
        EXPECT_EQ(open_descriptors(), before_);
    }

private:
    std::vector<int> before_;
    sigset_t mask_;
};

TEST_P(Signals, a_deadline_is_met_without_spinning_and_now_never_blocks) {
    auto set = or_throw(SignalSet::block({number()}));
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
    auto best = std::chrono::nanoseconds(1h);
    const auto cpu = cpu_time();
    for (int i = 0; i < 5; ++i) {
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, set.wait(60ms));
        const auto took = std::chrono::nanoseconds(Deadline::Clock::now() - start);
        EXPECT_GE(took, 60ms);
        best = std::min(best, took);
    }
    EXPECT_LE(best, 80ms);
    EXPECT_LE(cpu_time() - cpu, 100ms) << "of 300 ms";
}

TEST_P(Signals, it_tells_who_sent_it_and_poll_sees_it) {
    auto set = or_throw(SignalSet::block({number()}));
    const pid_t parent = ::getpid();
    Child sender([&] { return send(or_throw(SignalTarget::of(parent)), number()).has_value(); });
    pollfd p{.fd = set.native_handle(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&p, 1, 10'000), 1);
    const auto got = set.wait(Deadline::now());
    WYE_ASSERT_OK(got);
    EXPECT_EQ(got->number, number());
    EXPECT_EQ(got->sender, sender.pid());
    EXPECT_EQ(got->user, ::getuid());
    EXPECT_TRUE(sender.ok());
}

TEST_P(Signals, real_time_ones_of_eight_senders_all_come_in_each_ones_order) {
    if (!GetParam()) GTEST_SKIP() << "standard signals coalesce";
    auto set = or_throw(SignalSet::block({number()}));
    const pid_t parent = ::getpid();
    std::vector<Child> senders;
    for (std::uint64_t c = 0; c < 8; ++c)
        senders.emplace_back([&, c] {
            const auto target = or_throw(SignalTarget::of(parent));
            for (std::uint64_t i = 0; i < 50; ++i)
                if (!queue(target, number(), c << 32 | i)) return false;
            return true;
        });
    std::map<std::uint64_t, std::uint64_t> next;
    for (int i = 0; i < 400; ++i) {
        const auto got = set.wait(patience);
        WYE_ASSERT_OK(got);
        ASSERT_EQ(got->word & 0xffffffff, next[got->word >> 32]++);
    }
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
    for (auto& s : senders) EXPECT_TRUE(s.ok());
}

TEST_P(Signals, what_a_killed_sender_sent_is_there_and_nobody_waits_for_more) {
    auto set = or_throw(SignalSet::block({number()}));
    const pid_t parent = ::getpid();
    Child sender([&] {
        (void)send(or_throw(SignalTarget::of(parent)), number());
        ::pause();
        return true;
    });
    const auto got = set.wait(patience);
    WYE_ASSERT_OK(got);
    sender.kill();
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(50ms));
}

TEST_P(Signals, a_storm_of_other_signals_changes_nothing) {
    auto set = or_throw(SignalSet::block({number()}));
    const EintrStorm storm;
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(100ms));
    WYE_ASSERT_OK(send(or_throw(SignalTarget::of(::getpid())), number()));
    WYE_ASSERT_OK(set.wait(patience));
}

TEST_P(Signals, who_is_gone_is_not_found_and_nobody_else_is_hit) {
    Child gone([] { return true; });
    const pid_t number_of_it = gone.pid();
    const auto target = or_throw(SignalTarget::of(number_of_it));
    EXPECT_TRUE(gone.ok());
    WYE_EXPECT_ERRC(Errc::not_found, send(target, number()));
    WYE_EXPECT_ERRC(Errc::not_found, SignalTarget::of(number_of_it));
}

INSTANTIATE_TEST_SUITE_P(Sets, Signals, ::testing::Bool(),
                         [](const auto& i) { return i.param ? "real_time" : "standard"; });

}  // namespace
}  // namespace wye::test
