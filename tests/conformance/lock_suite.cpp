// The promises that every lock keeps, over each kind: the holders are processes.
#include "wye/sync/dir_lock.hpp"
#include "wye/sync/file_lock.hpp"

#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <ostream>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 10s;

struct AnyLock {
    using Take = std::function<Result<Held>(Deadline)>;
    Result<Held> lock(Deadline d = Deadline::never()) const { return exclusive(d); }
    Result<Held> lock_shared(Deadline d) const { return shared(d); }
    Take exclusive, shared;
};

struct LockSubject {
    std::string name;
    LockTraits traits;
    std::function<AnyLock(const std::string& path)> make;
};

void PrintTo(const LockSubject& s, std::ostream* out) { *out << s.name; }

template <Lock L>
AnyLock erase(L lock) {
    const auto l = std::make_shared<L>(std::move(lock));
    AnyLock any{.exclusive = [l](Deadline d) { return l->lock(d); }, .shared = {}};
    if constexpr (SharedLock<L>) any.shared = [l](Deadline d) { return l->lock_shared(d); };
    return any;
}

class LockSuite : public ::testing::TestWithParam<LockSubject> {
protected:
    AnyLock lock() const { return GetParam().make(dir_ / "lock"); }
    TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(
    Rooms, LockSuite,
    ::testing::Values(
        LockSubject{"flock", FileLock::traits, [](auto& p) { return erase(or_throw(FileLock::open(p))); }},
        LockSubject{"fair", FileLock::traits,
                    [](auto& p) { return erase(or_throw(FileLock::open(p, {.fair = true}))); }},
        LockSubject{"range", FileLock::traits,
                    [](auto& p) { return erase(or_throw(FileLock::open(p, {.range = ByteRange{0, 1}}))); }},
        LockSubject{"directory", DirLock::traits, [](auto& p) { return erase(or_throw(DirLock::open(p))); }}),
    [](const auto& i) { return i.param.name; });

// Read and written in two steps: without exclusion counts are lost.
bool count_up(AnyLock l, std::atomic<int>& counter, int times) {
    for (int i = 0; i < times; ++i) {
        const auto held = l.lock(patience);
        if (!held) return false;
        const int seen = counter.load(std::memory_order_relaxed);
        if (i % 16 == 0) ::usleep(10);
        counter.store(seen + 1, std::memory_order_relaxed);
    }
    return true;
}

TEST_P(LockSuite, processes_exclude_each_other) {
    const Shared<std::atomic<int>> counter;
    const int times = GetParam().traits.freed_by_death ? 500 : 25;
    std::vector<Child> all;
    for (int i = 0; i < 4; ++i) all.emplace_back([&] { return count_up(lock(), *counter, times); });
    for (auto& c : all) EXPECT_TRUE(c.ok());
    EXPECT_EQ(counter->load(), 4 * times);
}

TEST_P(LockSuite, now_never_blocks_and_a_deadline_is_met) {
    auto a = lock(), b = lock();
    auto held = or_throw(a.lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, b.lock(Deadline::now()));
    const auto start = std::chrono::steady_clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, b.lock(100ms));
    const auto took = std::chrono::steady_clock::now() - start;
    EXPECT_GE(took, 100ms);
    EXPECT_LT(took, 5s);
    held = {};
    EXPECT_TRUE(b.lock(Deadline::now()).has_value());
}

TEST_P(LockSuite, a_holder_killed_at_any_system_call_keeps_nobody_out) {
    if (!GetParam().traits.freed_by_death) GTEST_SKIP() << "what a killed holder leaves is for people, or for proof";
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const auto hold = [&] { (void)lock().lock(Deadline::now()); };
    const long all = calls([] {}, hold);
    ASSERT_GT(all, 4);
    for (long i = 0; i < all; ++i) {
        Stepped victim([] {}, hold);
        victim.step_calls(i);
        victim.kill();
        ASSERT_TRUE(lock().lock(patience).has_value()) << "killed at stop " << i << " of " << all;
    }
}

TEST_P(LockSuite, a_waiter_is_woken_when_the_lock_is_free) {
    for (const bool bounded : {true, false}) {
        auto a = lock();
        auto held = or_throw(a.lock());
        const Gate waits;
        Child waiter([&] {
            auto l = lock();
            waits.open();
            return l.lock(bounded ? Deadline(patience) : Deadline::never()).has_value();
        });
        ASSERT_TRUE(waits.wait());
        ::usleep(20'000);  // so that it most likely sleeps by now; right either way
        WYE_ASSERT_OK(held.release());
        EXPECT_TRUE(waiter.ok());
    }
}

TEST_P(LockSuite, shared_holders_are_together_and_keep_an_exclusive_one_out) {
    if (!GetParam().traits.shared) GTEST_SKIP() << "exclusive only";
    const Gate in, out;
    std::vector<Child> all;
    for (int i = 0; i < 4; ++i)
        all.emplace_back([&] {
            auto l = lock();
            const auto held = or_throw(l.lock_shared(patience));
            in.open();
            return out.wait() == 1;
        });
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(in.wait());  // all four at once
    auto mine = lock();
    WYE_EXPECT_ERRC(Errc::timed_out, mine.lock(Deadline::now()));
    EXPECT_TRUE(mine.lock_shared(Deadline::now()).has_value());
    for (int i = 0; i < 4; ++i) out.open();
    for (auto& c : all) EXPECT_TRUE(c.ok());
    EXPECT_TRUE(mine.lock(Deadline::now()).has_value());
}

TEST_P(LockSuite, a_killed_holder_gives_the_lock_back_where_that_is_promised) {
    const Gate held;
    Child holder([&] {
        auto l = lock();
        const auto mine = or_throw(l.lock());
        held.open();
        ::pause();
        return true;
    });
    ASSERT_TRUE(held.wait());
    auto mine = lock();
    WYE_EXPECT_ERRC(Errc::timed_out, mine.lock(Deadline::now()));
    holder.signal(SIGSTOP);
    WYE_EXPECT_ERRC(Errc::timed_out, mine.lock(50ms));  // stopped is not dead
    holder.kill();
    const auto after = mine.lock(Deadline::now());
    EXPECT_EQ(after.has_value(), GetParam().traits.freed_by_death);
}

TEST_P(LockSuite, one_killed_while_it_waits_harms_nobody) {
    auto a = lock();
    auto held = or_throw(a.lock());
    const Gate waits;
    Child waiter([&] {
        auto l = lock();
        waits.open();
        return l.lock().has_value();
    });
    ASSERT_TRUE(waits.wait());
    waiter.kill();
    held = {};
    EXPECT_TRUE(lock().lock(Deadline::now()).has_value());
}

TEST_P(LockSuite, interrupted_calls_lose_nothing_and_end_in_time) {
    const Shared<std::atomic<int>> counter;
    const int times = GetParam().traits.freed_by_death ? 200 : 20;
    const auto run = [&] {
        const EintrStorm storm;
        return count_up(lock(), *counter, times);
    };
    Child a(run), b(run);
    EXPECT_TRUE(a.ok());
    EXPECT_TRUE(b.ok());
    EXPECT_EQ(counter->load(), 2 * times);
    auto mine = lock(), other = lock();
    const auto held = or_throw(mine.lock());
    const EintrStorm storm;
    WYE_EXPECT_ERRC(Errc::timed_out, other.lock(100ms));
}

TEST_P(LockSuite, a_copy_in_a_forked_child_does_nothing) {
    auto a = lock();
    const auto held = or_throw(a.lock());
    Child child([&] {
        auto copy = std::move(const_cast<Held&>(held));
        return copy.release().has_value();
    });
    EXPECT_TRUE(child.ok());
    WYE_EXPECT_ERRC(Errc::timed_out, lock().lock(Deadline::now()));
}

TEST_P(LockSuite, nothing_stays_open) {
    const auto before = open_descriptors(), inherited = inheritable_descriptors();
    {
        auto a = lock();
        const auto held = or_throw(a.lock());
        EXPECT_EQ(inheritable_descriptors(), inherited);
    }
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace wye::test
