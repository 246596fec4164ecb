#include "wye/sync/signals.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/pids.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;
using test::Gate;

namespace {

const int rt = SIGRTMIN + 3;

SignalTarget self() { return or_throw(SignalTarget::of(::getpid())); }

bool blocked(int number) {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    return sigismember(&now, number) == 1;
}

bool readable(int fd) {
    pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&p, 1, 0) == 1;
}

// Shared with whatever else this user runs.
unsigned long pending_of_user() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;)
        if (unsigned long n = 0; word == "SigQ:" && status >> n) return n;
    return 0;
}

TEST(Signals, a_queued_signal_brings_its_word_and_who_sent_it) {
    auto set = or_throw(SignalSet::block({rt}));
    const pid_t parent = ::getpid();
    test::Child sender([&] { return queue(or_throw(SignalTarget::of(parent)), rt, 0x123456789abcdef0).has_value(); });
    const auto s = or_throw(set.wait(10s));
    EXPECT_EQ(s.number, rt);
    EXPECT_EQ(s.word, 0x123456789abcdef0u);
    EXPECT_EQ(static_cast<unsigned>(s.value), 0x9abcdef0u);
    EXPECT_EQ(s.sender, sender.pid());
    EXPECT_EQ(s.user, ::getuid());
    EXPECT_TRUE(s.queued());
    EXPECT_TRUE(sender.ok());
}

TEST(Signals, real_time_signals_queue_in_order_and_lower_numbers_come_first) {
    auto set = or_throw(SignalSet::block({rt, rt + 1}));
    const auto me = self();
    for (unsigned i = 0; i < 5; ++i) {
        WYE_ASSERT_OK(queue(me, rt + 1, 10 + i));
        WYE_ASSERT_OK(queue(me, rt, i));
    }
    for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, i);
    for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, 10 + i);
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
}

TEST(Signals, standard_signals_coalesce_into_at_least_one_with_the_first_word) {
    auto set = or_throw(SignalSet::block({SIGUSR1}));
    const auto me = self();
    for (unsigned i = 1; i <= 5; ++i) WYE_ASSERT_OK(queue(me, SIGUSR1, i));
    EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, 1u);
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
    WYE_ASSERT_OK(send(me, SIGUSR1));
    const auto s = or_throw(set.wait(Deadline::now()));
    EXPECT_FALSE(s.queued());
    EXPECT_EQ(s.word, 0u);
    EXPECT_EQ(s.sender, ::getpid());
}

TEST(Signals, a_full_queue_is_exhausted_and_what_was_taken_is_not_lost) {
    // The count is of all processes of the receiver's user: as a user that nobody else is, where we can be one.
    test::Child child([] {
        if (::geteuid() == 0 && ::setuid(2'000'000'000u + static_cast<unsigned>(::getpid())) != 0) return false;
        auto set = or_throw(SignalSet::block({rt, SIGUSR1}));
        const auto most = pending_of_user() + 8;
        const rlimit few{.rlim_cur = most, .rlim_max = most};
        if (::setrlimit(RLIMIT_SIGPENDING, &few) != 0) return false;
        const auto me = self();
        unsigned sent = 0;
        Result<> r;
        while (sent < 100 && (r = queue(me, rt, sent))) ++sent;
        WYE_EXPECT_ERRC(Errc::exhausted, r);
        EXPECT_GT(sent, 0u);
        WYE_EXPECT_ERRC(Errc::exhausted, send(me, rt));  // not as kill(2), whose signal would lose its place in silence
        EXPECT_TRUE(send(me, SIGUSR1).has_value());
        EXPECT_EQ(or_throw(set.wait(Deadline::now())).number, SIGUSR1);
        for (unsigned i = 0; i < sent; ++i) EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, i);
        WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
        return queue(me, rt, 1).has_value() && set.wait(Deadline::now()).has_value();
    });
    EXPECT_TRUE(child.ok());
}

TEST(Signals, a_reused_pid_is_never_hit) {
    if (!test::may_have_own_pids()) GTEST_SKIP() << "no pid namespace of our own here";
    test::Child child([] {
        return test::in_own_pids([] {
            test::Child first([] { return ::pause() == 0; });
            const pid_t old = first.pid();
            const auto target = or_throw(SignalTarget::of(old));
            first.kill();
            WYE_EXPECT_ERRC(Errc::not_found, send(target, 0));
            if (!test::recycle(old)) return false;
            const test::Child second([] { return ::pause() == 0; });
            EXPECT_EQ(second.pid(), old);
            WYE_EXPECT_ERRC(Errc::not_found, send(target, SIGKILL));
            WYE_EXPECT_ERRC(Errc::not_found, queue(target, SIGKILL, 1));
            int status = 0;
            EXPECT_EQ(::waitpid(old, &status, WNOHANG), 0) << "it lives";
            return !::testing::Test::HasFailure();
        });
    });
    EXPECT_TRUE(child.ok());
}

// S3: there is no handler that it could come in the middle of; it is taken as if it had come before or after.
TEST(Signals, one_that_comes_at_any_instruction_of_a_wait_is_taken_once) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    std::optional<SignalSet> set;
    const test::Shared<std::atomic<unsigned>> taken, wrong;
    const auto block = [&] { set.emplace(or_throw(SignalSet::block({rt}))); };
    const auto take = [&](Deadline d) {
        const auto s = set->wait(d);
        if (!s) return s.error().is(Errc::timed_out) || wrong->fetch_add(1) == 0;
        return taken->fetch_add(s->word == 7 ? 1 : 100) == 0;
    };
    const auto body = [&] {
        (void)take(Deadline::now());  // here it comes
        if (taken->load() == 0) (void)take(10s);
        (void)take(Deadline::now());
    };
    const long all = test::instructions(block, [&] { (void)take(Deadline::now()); });
    ASSERT_GT(all, 20);
    const long step = std::max(1l, all / std::clamp(160'000 / all, 8l, 80l));  // a sanitizer makes ten of one
    for (long i = 0; i <= all; i += step) {
        taken->store(0);
        test::Stepped victim(block, body);
        victim.step(i);
        WYE_ASSERT_OK(queue(or_throw(SignalTarget::of(victim.pid())), rt, 7));
        victim.finish();
        ASSERT_EQ(taken->load(), 1u) << "at instruction " << i << " of " << all;
    }
    EXPECT_EQ(wrong->load(), 0u);
}

TEST(Signals, a_sender_killed_at_any_system_call_has_sent_it_whole_or_not) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    auto set = or_throw(SignalSet::block({rt}));
    const pid_t parent = ::getpid();
    const auto say = [&] { (void)queue(or_throw(SignalTarget::of(parent)), rt, 0x123456789abcdef0); };
    const long all = test::calls([] {}, say);
    ASSERT_GE(all, 4);
    for (unsigned sent = 1; sent > 0;) sent = set.wait(Deadline::now()).has_value();  // of the counting
    unsigned with = 0, without = 0;
    for (long i = 0; i <= all; ++i) {
        test::Stepped victim([] {}, say);
        const pid_t pid = victim.pid();
        victim.step_calls(i);
        victim.kill();
        if (const auto s = set.wait(Deadline::now())) {
            ++with;
            EXPECT_EQ(s->word, 0x123456789abcdef0u);
            EXPECT_EQ(s->sender, pid);
        } else {
            ++without;
            EXPECT_TRUE(s.error().is(Errc::timed_out));
        }
    }
    EXPECT_GT(with, 0u);
    EXPECT_GT(without, 0u);
}

TEST(Signals, whom_it_cannot_reach_is_told) {
    WYE_EXPECT_ERRC(Errc::bad_address, SignalTarget::of(0));
    WYE_EXPECT_ERRC(Errc::bad_address, SignalTarget::of(-1));
    WYE_EXPECT_ERRC(Errc::not_found, SignalTarget::of(0x3fffffff));
    WYE_EXPECT_ERRC(Errc::bad_address, send(self(), SIGRTMAX + 1));
    WYE_EXPECT_ERRC(Errc::bad_address, queue(self(), 0, 1));
    WYE_EXPECT_ERRC(Errc::bad_address, send(self(), -1));
    WYE_EXPECT_ERRC(Errc::mismatch, send(SignalTarget(Fd(::dup(2))), SIGTERM));
    WYE_ASSERT_OK(send(self(), 0));
    if (::geteuid() != 0) return;
    const pid_t parent = ::getpid();
    test::Child nobody([&] {
        if (::setuid(65534) != 0) return false;
        WYE_EXPECT_ERRC(Errc::denied, send(or_throw(SignalTarget::of(parent)), SIGTERM));
        WYE_EXPECT_ERRC(Errc::denied, queue(or_throw(SignalTarget::of(parent)), rt, 1));
        return true;
    });
    EXPECT_TRUE(nobody.ok());
}

TEST(Signals, it_is_polled_beside_io) {
    auto set = or_throw(SignalSet::block({rt}));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_FALSE(readable(set.native_handle()));
    pollfd both[2] = {{.fd = set.native_handle(), .events = POLLIN, .revents = 0},
                      {.fd = ends[0], .events = POLLIN, .revents = 0}};
    const pid_t parent = ::getpid();
    test::Child sender([&] { return queue(or_throw(SignalTarget::of(parent)), rt, 7).has_value(); });
    ASSERT_EQ(::poll(both, 2, 10'000), 1);
    EXPECT_TRUE(both[0].revents & POLLIN);
    EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, 7u);
    EXPECT_FALSE(readable(set.native_handle()));
    ASSERT_EQ(::write(ends[1], "x", 1), 1);
    ASSERT_EQ(::poll(both, 2, 10'000), 1);
    EXPECT_TRUE(both[1].revents & POLLIN);
    ::close(ends[0]), ::close(ends[1]);
}

TEST(Signals, the_end_of_a_child_is_a_signal_with_its_status) {
    auto set = or_throw(SignalSet::block({SIGCHLD}));
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(7);
    const auto s = or_throw(set.wait(10s));
    EXPECT_EQ(s.number, SIGCHLD);
    EXPECT_EQ(s.sender, pid);
    EXPECT_EQ(s.code, CLD_EXITED);
    EXPECT_EQ(s.value, 7);
    EXPECT_FALSE(s.queued());
    EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

TEST(Signals, one_that_is_ignored_by_default_is_taken_all_the_same) {
    auto set = or_throw(SignalSet::block({SIGWINCH}));
    WYE_ASSERT_OK(send(self(), SIGWINCH));
    EXPECT_EQ(or_throw(set.wait(Deadline::now())).number, SIGWINCH);
}

TEST(Signals, the_mask_comes_back_and_two_sets_end_in_any_order) {
    ASSERT_FALSE(blocked(SIGUSR1));
    {
        std::optional<SignalSet> a(or_throw(SignalSet::block({SIGUSR1, SIGUSR2})));
        std::optional<SignalSet> b(or_throw(SignalSet::block({SIGUSR2, rt})));
        EXPECT_TRUE(blocked(SIGUSR1) && blocked(SIGUSR2) && blocked(rt));
        a.reset();
        EXPECT_FALSE(blocked(SIGUSR1));
        EXPECT_TRUE(blocked(rt));
        const auto moved = std::move(*b);
        b.reset();
        EXPECT_TRUE(blocked(rt));
    }
    EXPECT_FALSE(blocked(SIGUSR2) || blocked(rt));
    test::Child child([] {
        {
            auto set = or_throw(SignalSet::block({SIGTERM}));
            (void)send(self(), SIGTERM);
        }
        return true;  // not reached: it is pending when it is unblocked
    });
    EXPECT_FALSE(child.ok());
}

TEST(Signals, a_wait_ends_at_its_deadline_whatever_interrupts_it) {
    auto set = or_throw(SignalSet::block({rt}));
    const test::EintrStorm storm;
    const auto start = std::chrono::steady_clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, set.wait(100ms));
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 100ms);
    EXPECT_LT(took, 5s);
    const pid_t parent = ::getpid();
    test::Child sender([&] { return queue(or_throw(SignalTarget::of(parent)), rt, 1).has_value(); });
    EXPECT_EQ(or_throw(set.wait()).word, 1u);
    EXPECT_TRUE(sender.ok());
}

TEST(Signals, of_several_threads_each_signal_goes_to_one) {
    auto set = or_throw(SignalSet::block({rt}));
    constexpr unsigned n = 200;
    std::atomic<unsigned> taken{0}, sum{0};
    const auto take = [&] {
        while (const auto s = set.wait(taken.load() == n ? Deadline::now() : Deadline(200ms)))
            taken.fetch_add(1), sum.fetch_add(static_cast<unsigned>(s->word));
    };
    std::thread a(take), b(take);
    for (unsigned i = 1; i <= n; ++i) EXPECT_TRUE(queue(self(), rt, i).has_value());
    a.join(), b.join();
    take();
    EXPECT_EQ(taken.load(), n);
    EXPECT_EQ(sum.load(), n * (n + 1) / 2);
}

TEST(Signals, a_forked_child_has_a_set_that_works_and_nothing_pending) {
    auto set = or_throw(SignalSet::block({rt}));
    WYE_ASSERT_OK(queue(self(), rt, 1));
    test::Child child([&] {
        WYE_EXPECT_ERRC(Errc::timed_out, set.wait(Deadline::now()));
        EXPECT_TRUE(queue(self(), rt, 2).has_value());
        EXPECT_TRUE(readable(set.native_handle()));
        return or_throw(set.wait(Deadline::now())).word == 2;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(or_throw(set.wait(Deadline::now())).word, 1u);
}

TEST(Signals, what_cannot_be_blocked_is_refused_and_nothing_is_blocked_then) {
    for (const int n : {SIGKILL, SIGSTOP, 32, 33}) WYE_EXPECT_ERRC(Errc::unsupported, SignalSet::block({SIGUSR1, n}));
    for (const int n : {0, -1, SIGRTMAX + 1}) WYE_EXPECT_ERRC(Errc::bad_address, SignalSet::block({n}));
    {
        const sys::Inject fault{{.call = sys::Call::signalfd, .error = EMFILE}};
        WYE_EXPECT_ERRC(Errc::exhausted, SignalSet::block({SIGUSR1}));
    }
    EXPECT_FALSE(blocked(SIGUSR1));
}

TEST(Signals, real_time_numbers_are_counted_from_the_first_free_one) {
    EXPECT_EQ(or_throw(real_time(0)), SIGRTMIN);
    EXPECT_EQ(or_throw(real_time(static_cast<unsigned>(SIGRTMAX - SIGRTMIN))), SIGRTMAX);
    WYE_EXPECT_ERRC(Errc::unsupported, real_time(static_cast<unsigned>(SIGRTMAX - SIGRTMIN) + 1));
    WYE_EXPECT_ERRC(Errc::unsupported, real_time(UINT32_MAX));
}

TEST(Signals, every_number_has_a_name_that_is_read_back) {
    for (int n = 1; n <= SIGRTMAX; ++n)
        EXPECT_EQ(n > 31 && n < SIGRTMIN ? n : or_throw(signal_number(signal_name(n))), n) << signal_name(n);
    EXPECT_EQ(or_throw(signal_number("TERM")), SIGTERM);
    EXPECT_EQ(or_throw(signal_number("15")), 15);
    EXPECT_EQ(or_throw(signal_number("RTMAX-1")), SIGRTMAX - 1);
    for (const auto* bad : {"", "SIG", "term", "0", "SIG15", "65", "RTMIN-1", "RTMIN+", "RTMAX+1", "RTMIN+99", "NONE"})
        WYE_EXPECT_ERRC(Errc::bad_address, signal_number(bad));
}

TEST(Signals, the_table_of_means_has_them_and_nothing_can_be_opened) {
    ASSERT_NE(find_mechanism("signal"), nullptr);
    WYE_EXPECT_ERRC(Errc::unsupported, open("signal:TERM"));
    WYE_EXPECT_ERRC(Errc::unsupported, open_pair("signal:TERM"));
}

}  // namespace
