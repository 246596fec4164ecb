// The promises that every semaphore keeps, a function each, guarded by the traits.
#include "wye/registry/open.hpp"

#include "support/stepper.hpp"
#include "support/support.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <vector>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 10s;  // far beyond what any step needs: reaching it is a failure

// What all processes of a test see.
struct Shared {
    std::atomic<unsigned> inside{0}, most{0}, steps{0};
};
class Page {
public:
    Page()
        : at_(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
          page_(new(at_) Shared) {}
    ~Page() { ::munmap(at_, 4096); }
    Page(const Page&) = delete;
    Page& operator=(const Page&) = delete;
    Shared* operator->() const { return page_; }

private:
    void* at_;
    Shared* page_;
};

bool reach(const std::atomic<unsigned>& n, unsigned wanted) {
    for (const Deadline d = patience; !d.passed(); ::usleep(200))
        if (n.load() >= wanted) return true;
    return false;
}

class Semaphores : public ::testing::TestWithParam<const Mechanism*> {
protected:
    void SetUp() override {
        before_ = open_descriptors();
        uri = GetParam()->scratch(directory_.path())[0];
    }
    void TearDown() override {
        const auto r = wye::remove(uri);
        EXPECT_TRUE(r || r.error().is(Errc::not_found)) << r.error().message();
        bool there = false;
        WYE_ASSERT_OK(GetParam()->list([&](const Object& o) { there |= o.uri == uri; }));
        EXPECT_FALSE(there) << uri << " is left behind";
        EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
        EXPECT_EQ(open_descriptors(), before_) << "descriptors are left open";
    }
    const Traits& traits() const { return GetParam()->traits; }
    Semaphore make(unsigned initial) {
        return or_throw(open_semaphore(uri, {.create = Create::exclusive, .initial = initial}, patience));
    }
    Semaphore join() { return or_throw(open_semaphore(uri, {}, patience)); }

    std::string uri;
    Page page;

private:
    TempDir directory_;
    std::vector<int> before_;
};

}  // namespace

TEST_P(Semaphores, more_processes_than_units_never_hold_more_than_there_are) {
    constexpr unsigned units = 3, processes = 6, rounds = 100;
    auto s = make(units);
    std::vector<Child> all;
    for (unsigned i = 0; i < processes; ++i)
        all.emplace_back([&] {
            auto mine = join();
            for (unsigned k = 0; k < rounds; ++k) {
                const auto held = or_throw(mine.acquire(patience));
                const unsigned now = ++page->inside;
                for (unsigned seen = page->most; seen < now && !page->most.compare_exchange_weak(seen, now);) {}
                ::sched_yield();
                --page->inside;
            }
            return true;
        });
    for (auto& c : all) EXPECT_TRUE(c.ok());
    EXPECT_LE(page->most.load(), units);
    EXPECT_EQ(or_throw(s.value()), units);
}

TEST_P(Semaphores, a_deadline_is_met_without_spinning_and_now_does_not_wait) {
    auto s = make(0);
    auto best = 1000ms;
    const auto cpu = cpu_time();
    for (int i = 0; i < 5; ++i) {
        const auto start = Deadline::Clock::now();
        if (i % 2)
            WYE_EXPECT_ERRC(Errc::timed_out, s.wait(60ms));
        else
            WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(60ms));
        const auto took = Deadline::Clock::now() - start;
        EXPECT_GE(took, 60ms);
        best = std::min(best, std::chrono::duration_cast<std::chrono::milliseconds>(took));
    }
    EXPECT_LE(best, 80ms);
    EXPECT_LE(cpu_time() - cpu, 100ms) << "of 300 ms";
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(Deadline::now()));
    WYE_ASSERT_OK(s.post());
    WYE_ASSERT_OK(s.wait(Deadline::now()));
    EXPECT_EQ(or_throw(s.value()), 0u);
}

TEST_P(Semaphores, the_unit_of_a_killed_holder_comes_back_where_the_trait_says_so) {
    auto s = make(1);
    Child holder([&] {
        auto mine = join();
        const auto held = or_throw(mine.acquire(patience));
        ++page->steps;
        return ::pause() == 0;
    });
    ASSERT_TRUE(reach(page->steps, 1));
    Child survivor([&] {
        auto mine = join();
        ++page->steps;
        const auto r = mine.acquire(traits().permits_return ? Deadline(patience) : Deadline(300ms));
        return r.has_value() == traits().permits_return;
    });
    ASSERT_TRUE(reach(page->steps, 2));
    holder.kill();
    EXPECT_TRUE(survivor.ok());
}

TEST_P(Semaphores, a_holder_killed_at_any_system_call_takes_no_unit_with_it) {
    if (!traits().permits_return) GTEST_SKIP() << "a dead holder's unit is lost here";
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    auto s = make(1);
    const auto hold = [&] {
        auto mine = join();
        const auto held = mine.acquire(Deadline::now());
    };
    const long all = calls([] {}, hold);
    ASSERT_GT(all, 4);
    for (long i = 0; i < all; ++i) {
        Stepped victim([] {}, hold);
        victim.step_calls(i);
        victim.kill();
        ASSERT_TRUE(s.acquire(patience).has_value()) << "killed at stop " << i << " of " << all;
        ASSERT_EQ(or_throw(s.value()), 1u) << "killed at stop " << i;
    }
}

TEST_P(Semaphores, one_stopped_holder_keeps_its_unit_and_the_others_go_on) {
    auto s = make(2);
    Child holder([&] {
        auto mine = join();
        const auto held = or_throw(mine.acquire(patience));
        ++page->steps;
        return ::pause() == 0;
    });
    ASSERT_TRUE(reach(page->steps, 1));
    holder.signal(SIGSTOP);
    for (int i = 0; i < 10; ++i) WYE_ASSERT_OK(s.acquire(patience));
    const auto last = or_throw(s.acquire(patience));
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(50ms));
    holder.signal(SIGCONT);
}

TEST_P(Semaphores, a_token_goes_to_and_fro_a_thousand_times) {
    auto there = make(0);
    const auto back_uri = GetParam()->scratch("")[0];
    {
        auto back = or_throw(open_semaphore(back_uri, {.create = Create::exclusive, .initial = 0}, patience));
        Child other([&] {
            auto in = join(), out = or_throw(open_semaphore(back_uri, {}, patience));
            for (int i = 0; i < 1000; ++i)
                if (!in.wait(patience) || !out.post()) return false;
            return true;
        });
        for (int i = 0; i < 1000; ++i) {
            WYE_ASSERT_OK(there.post());
            WYE_ASSERT_OK(back.wait(patience));
        }
        EXPECT_TRUE(other.ok());
    }
    WYE_ASSERT_OK(wye::remove(back_uri));
}

TEST_P(Semaphores, a_storm_of_signals_changes_nothing) {
    auto s = make(0);
    Child other([&] {
        const EintrStorm storm;
        auto mine = join();
        for (int i = 0; i < 200; ++i, ++page->steps)
            if (!mine.wait(patience)) return false;
        const auto start = Deadline::Clock::now();
        return !mine.wait(60ms) && Deadline::Clock::now() - start >= 60ms;
    });
    const EintrStorm storm;
    for (unsigned i = 0; i < 200; ++i) {
        ASSERT_TRUE(i < 32 || reach(page->steps, i - 32)) << "a few at a time: not every kind holds 200";
        WYE_ASSERT_OK(s.post());
    }
    EXPECT_TRUE(other.ok());
}

TEST_P(Semaphores, removal_under_waiters_leaves_nobody_hanging) {
    auto s = make(0);
    Child waiter([&] {
        auto mine = join();
        ++page->steps;
        const auto r = mine.wait(1s);
        return !r && (r.error().is(Errc::closed) || r.error().is(Errc::timed_out));
    });
    ASSERT_TRUE(reach(page->steps, 1));
    WYE_ASSERT_OK(wye::remove(uri));
    EXPECT_TRUE(waiter.ok());
    WYE_EXPECT_ERRC(Errc::not_found, open_semaphore(uri, {}, patience));
}

TEST_P(Semaphores, makers_at_once_make_one) {
    for (int round = 0; round < 10; ++round) {
        std::vector<Child> makers;
        page->steps = 0;
        for (int i = 0; i < 4; ++i)
            makers.emplace_back([&] {
                ++page->steps;
                while (page->steps < 4) ::sched_yield();
                return open_semaphore(uri, {.create = Create::if_missing, .initial = 4}, patience)
                    ->wait(patience)
                    .has_value();
            });
        for (auto& m : makers) EXPECT_TRUE(m.ok());
        EXPECT_EQ(or_throw(join().value()), 0u) << "each took one of four";
        WYE_ASSERT_OK(wye::remove(uri));
    }
}

TEST_P(Semaphores, exclusive_refuses_what_is_there_and_never_what_is_not) {
    WYE_EXPECT_ERRC(Errc::not_found, open_semaphore(uri, {}, patience));
    WYE_EXPECT_ERRC(Errc::not_found, wye::remove(uri));
    WYE_ASSERT_OK(wye::make(uri));
    WYE_EXPECT_ERRC(Errc::already_exists, open_semaphore(uri, {.create = Create::exclusive}, patience));
    EXPECT_EQ(or_throw(join().value()), 1u);
}

TEST_P(Semaphores, the_copy_of_a_permit_after_fork_does_nothing) {
    auto s = make(1);
    auto held = or_throw(s.acquire(patience));
    Child child([&] { return held.release().has_value(); });
    EXPECT_TRUE(child.ok());
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(Deadline::now()));
    WYE_ASSERT_OK(held.release());
    WYE_ASSERT_OK(s.acquire(patience));
}

namespace {
std::vector<const Mechanism*> semaphores() {
    std::vector<const Mechanism*> all;
    for (const auto* m : mechanisms())
        if (m->open_semaphore) all.push_back(m);
    return all;
}
}  // namespace

INSTANTIATE_TEST_SUITE_P(Rooms, Semaphores, ::testing::ValuesIn(semaphores()), [](const auto& i) {
    std::string name(i.param->traits.scheme);
    std::ranges::replace(name, '-', '_');
    return name;
});

}  // namespace wye::test
