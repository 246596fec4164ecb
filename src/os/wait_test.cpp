#include "os/wait.hpp"

#include "wye/os/fd.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <sys/file.h>

#include <csignal>
#include <optional>

using namespace wye;
using namespace std::chrono_literals;

namespace {
struct Pipe {
    Fd in, out;
    Pipe() {
        int p[2];
        if (sys::pipe2(p, 0) < 0) std::abort();
        in = Fd(p[0]);
        out = Fd(p[1]);
    }
};

// A call that blocks without a deadline of its own.
long blocked_read(const Pipe& p, Deadline d) {
    char c;
    return sys::interruptible(d, [&] { return sys::read(p.in.get(), &c, 1); });
}
}  // namespace

TEST(Wait, a_deadline_is_slept_through_and_kept_through_a_storm_of_signals) {
    const Pipe p;
    for (const bool storm : {false, true}) {
        std::optional<test::EintrStorm> signals;
        if (storm) signals.emplace();
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, sys::wait_ready(p.in.get(), POLLIN, 60ms));
        EXPECT_GE(Deadline::Clock::now() - start, 59ms);
        EXPECT_LT(Deadline::Clock::now() - start, 120ms);
    }
    WYE_EXPECT_ERRC(Errc::timed_out, sys::wait_ready(p.in.get(), POLLIN, Deadline::now()));
    EXPECT_TRUE(or_throw(sys::wait_ready(p.out.get(), POLLOUT, Deadline::now())) & POLLOUT);
}

TEST(Wait, a_failing_poll_is_an_error) {
    const Pipe p;
    const sys::Inject bent{{.call = sys::Call::ppoll, .error = ENOMEM}};
    WYE_EXPECT_ERRC(Errc::exhausted, sys::wait_ready(p.in.get(), POLLIN, 1s));
}

TEST(Interrupt, cuts_a_blocking_call_short_at_the_deadline) {
    const Pipe p;
    const auto start = Deadline::Clock::now();
    const auto cpu = test::cpu_time();
    EXPECT_EQ(blocked_read(p, 50ms), -ETIMEDOUT);
    EXPECT_GE(Deadline::Clock::now() - start, 49ms);
    EXPECT_LT(Deadline::Clock::now() - start, 120ms);
    EXPECT_LT(test::cpu_time() - cpu, 10ms);
}

TEST(Interrupt, restarts_after_other_signals) {
    const Pipe p;
    const test::EintrStorm storm;
    const auto start = Deadline::Clock::now();
    EXPECT_EQ(blocked_read(p, 50ms), -ETIMEDOUT);
    EXPECT_GE(Deadline::Clock::now() - start, 49ms);
}

TEST(Interrupt, gives_the_signal_mask_back) {
    sigset_t bell, before, after;
    sigemptyset(&bell);
    sigaddset(&bell, SIGURG);
    ::pthread_sigmask(SIG_BLOCK, &bell, &before);
    const Pipe p;
    EXPECT_EQ(blocked_read(p, 20ms), -ETIMEDOUT) << "also where the program has SIGURG blocked";
    ::pthread_sigmask(SIG_SETMASK, &before, &after);
    EXPECT_TRUE(sigismember(&after, SIGURG));
}

TEST(Interrupt, leaves_a_handler_of_the_program_in_place) {
    test::Child child([] {
        static volatile sig_atomic_t calls = 0;
        struct sigaction mine{}, now{};
        mine.sa_handler = [](int) { calls = calls + 1; };
        ::sigaction(SIGURG, &mine, nullptr);
        const Pipe p;
        EXPECT_EQ(blocked_read(p, 20ms), -ETIMEDOUT);
        ::sigaction(SIGURG, nullptr, &now);
        return calls > 0 && now.sa_handler == mine.sa_handler;
    });
    EXPECT_TRUE(child.ok());
}

TEST(Interrupt, a_handler_of_the_program_that_restarts_calls_does_not_break_the_deadline) {
    test::Child child([] {
        struct sigaction mine{};
        mine.sa_handler = [](int) {};
        mine.sa_flags = SA_RESTART;
        ::sigaction(SIGURG, &mine, nullptr);
        const Pipe p;
        return blocked_read(p, 20ms) == -ETIMEDOUT;
    });
    EXPECT_TRUE(child.ok(2s));
}

TEST(Interrupt, no_timer_is_made_for_never_and_none_left_behind) {
    EXPECT_FALSE(sys::Interrupt(Deadline::never()).armed());
    EXPECT_FALSE(sys::Interrupt(Deadline::now()).armed());
    EXPECT_TRUE(sys::Interrupt(1h).armed());
    const Pipe p;
    ASSERT_EQ(sys::write(p.out.get(), "x", 1), 1);
    EXPECT_EQ(blocked_read(p, Deadline::never()), 1);
    EXPECT_EQ(blocked_read(p, Deadline::now()), -ETIMEDOUT);
}
