#include "wye/sync/dir_lock.hpp"

#include "os/inject.hpp"
#include "os/process_id.hpp"
#include "support/pids.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;
using test::Gate;
namespace fs = std::filesystem;

namespace {

class DirLockTest : public ::testing::Test {
protected:
    DirLock lock(bool break_dead = false) { return or_throw(DirLock::open(path, {.break_dead = break_dead})); }
    // As a killed holder leaves it.
    void left_by(const sys::ProcessId& id) const {
        fs::create_directory(path);
        fs::create_symlink(id.text(), path + "/owner");
    }
    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()));
    }

    test::TempDir dir;
    std::string path = dir / "lock";
};

TEST_F(DirLockTest, it_is_a_directory_with_a_record_and_nothing_is_left) {
    auto l = lock();
    EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::nobody);
    auto held = or_throw(l.lock());
    EXPECT_TRUE(fs::is_directory(path));
    const auto s = or_throw(l.status());
    EXPECT_EQ(s.owner, DirLock::Owner::alive);
    EXPECT_EQ(s.pid, ::getpid());
    WYE_EXPECT_ERRC(Errc::busy, l.lock(Deadline::now()));
    WYE_ASSERT_OK(held.release());
    EXPECT_EQ(entries(), 0u);
}

TEST_F(DirLockTest, mkdir_of_a_stranger_is_kept_out_and_keeps_us_out) {
    auto l = lock(true);
    {
        const auto held = or_throw(l.lock());
        EXPECT_NE(::mkdir(path.c_str(), 0700), 0);
    }
    ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
    WYE_EXPECT_ERRC(Errc::timed_out, l.lock(50ms));  // it left no proof
    EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::unknown);
    ASSERT_EQ(::rmdir(path.c_str()), 0);
    EXPECT_TRUE(l.lock(Deadline::now()).has_value());
}

TEST_F(DirLockTest, the_lock_of_a_killed_holder_is_told_and_broken_only_when_asked) {
    const Gate held;
    test::Child holder([&] {
        auto l = lock();
        const auto mine = or_throw(l.lock());
        held.open();
        ::pause();
        return true;
    });
    ASSERT_TRUE(held.wait());
    auto careful = lock(), breaker = lock(true);
    WYE_EXPECT_ERRC(Errc::timed_out, breaker.lock(Deadline::now()));
    holder.signal(SIGSTOP);
    WYE_EXPECT_ERRC(Errc::timed_out, breaker.lock(Deadline::now()));
    const pid_t pid = holder.pid();
    holder.kill();
    const auto s = or_throw(careful.status());
    EXPECT_EQ(s.owner, DirLock::Owner::dead);
    EXPECT_EQ(s.pid, pid);
    WYE_EXPECT_ERRC(Errc::timed_out, careful.lock(Deadline::now()));
    auto mine = or_throw(breaker.lock(Deadline::now()));
    EXPECT_EQ(or_throw(careful.status()).pid, ::getpid());
    mine = {};
    EXPECT_EQ(entries(), 0u);
}

TEST_F(DirLockTest, a_zombie_is_dead) {
    const Gate held;
    test::Child holder([&] {
        auto l = lock();
        auto mine = or_throw(l.lock());
        held.open();
        ::raise(SIGKILL);
        return true;
    });
    ASSERT_TRUE(held.wait());
    auto breaker = lock(true);
    EXPECT_TRUE(breaker.lock(10s).has_value());  // nobody has reaped it
}

TEST_F(DirLockTest, a_number_in_use_by_another_process_is_not_the_owner) {
    auto id = or_throw(sys::ProcessId::self());
    id.start -= 1;
    left_by(id);
    auto l = lock(true);
    EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::dead);
    EXPECT_TRUE(l.lock(Deadline::now()).has_value());
}

TEST_F(DirLockTest, the_number_of_a_killed_holder_that_was_given_again_is_not_the_owner) {
    if (!test::may_have_own_pids()) GTEST_SKIP() << "no pid namespace of our own here";
    test::Child child([&] {
        return test::in_own_pids([&] {
            const Gate held;
            test::Child holder([&] {
                auto l = lock();
                const auto mine = or_throw(l.lock());
                return held.open() && ::pause() == 0;
            });
            if (!held.wait()) return false;
            const pid_t pid = holder.pid();
            holder.kill();
            if (!test::recycle(pid)) return false;
            const test::Child stranger([] { return ::pause() == 0; });
            EXPECT_EQ(stranger.pid(), pid);
            const auto s = or_throw(lock().status());
            EXPECT_EQ(s.pid, pid);
            EXPECT_EQ(s.owner, DirLock::Owner::dead);
            EXPECT_TRUE(lock(true).lock(Deadline::now()).has_value());
            return !HasFailure();
        });
    });
    EXPECT_TRUE(child.ok());
}

// What its header promises, and no more: nobody is let in where nothing is proved.
TEST_F(DirLockTest, a_holder_killed_at_any_system_call_is_proved_dead_but_for_the_instant_before_its_record) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const auto hold = [&] { (void)lock().lock(Deadline::now()); };
    const long all = test::calls([] {}, hold);
    ASSERT_GT(all, 10);
    long unproved = 0;
    for (long i = 0; i <= all; ++i) {
        test::Stepped victim([] {}, hold);
        victim.step_calls(i);
        victim.kill();
        auto breaker = lock(true);
        if (!breaker.lock(Deadline::now())) {
            ++unproved;
            EXPECT_EQ(or_throw(breaker.status()).owner, DirLock::Owner::unknown) << "killed at stop " << i;
            EXPECT_TRUE(fs::is_empty(path)) << "killed at stop " << i;
            fs::remove(path);
            EXPECT_TRUE(breaker.lock(Deadline::now()).has_value()) << "killed at stop " << i;
        }
        EXPECT_FALSE(fs::exists(path));
        // Between the two removals the moved one stays, and is nobody's lock.
        EXPECT_LE(entries(), 1u);
        for (const auto& e : fs::directory_iterator(dir.path())) fs::remove_all(e.path());
    }
    EXPECT_GT(unproved, 0);
    EXPECT_LE(unproved, 6) << "mkdir, open, symlink";
}

TEST_F(DirLockTest, what_cannot_be_proved_is_not_broken) {
    auto l = lock(true);
    auto id = or_throw(sys::ProcessId::self());
    id.pid_space += 1;
    left_by(id);
    EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::unknown);
    WYE_EXPECT_ERRC(Errc::timed_out, l.lock(Deadline::now()));
    fs::remove_all(path);
    fs::create_directory(path);
    fs::create_symlink("99999999 1 2", path + "/owner");  // no record of ours
    WYE_EXPECT_ERRC(Errc::timed_out, l.lock(Deadline::now()));
}

TEST_F(DirLockTest, a_lock_of_another_boot_is_dead_where_one_machine_writes) {
    auto id = or_throw(sys::ProcessId::self());
    id.boot = "00000000-0000-0000-0000-000000000000";
    EXPECT_EQ(id.life(true), sys::ProcessId::Life::dead);
    EXPECT_EQ(id.life(false), sys::ProcessId::Life::unknown);
}

TEST_F(DirLockTest, a_lock_of_another_boot_on_a_network_may_be_another_machines) {
    auto id = or_throw(sys::ProcessId::self());
    id.boot = "00000000-0000-0000-0000-000000000000";
    left_by(id);
    auto l = lock(true);
    {
        const sys::Inject there{{.call = sys::Call::statfs, .times = 9, .answer = 0x6969}};
        EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::unknown);
        WYE_EXPECT_ERRC(Errc::timed_out, l.lock(Deadline::now()));
    }
    {
        const sys::Inject unknown{{.call = sys::Call::statfs, .times = 9, .error = EIO}};
        EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::unknown);
    }
    EXPECT_EQ(or_throw(l.status()).owner, DirLock::Owner::dead);
    EXPECT_TRUE(l.lock(Deadline::now()).has_value());
}

TEST_F(DirLockTest, of_many_who_break_one_dead_lock_one_has_it) {
    for (int round = 0; round < 20; ++round) {
        auto id = or_throw(sys::ProcessId::self());
        id.start -= 1;
        left_by(id);
        const test::Shared<std::atomic<int>> inside, most, wins;
        const auto run = [&] {
            auto l = lock(true);
            const auto mine = l.lock(10s);
            EXPECT_TRUE(mine.has_value()) << mine.error().message();
            if (!mine) return false;
            const int n = inside->fetch_add(1) + 1;
            if (n > most->load()) most->store(n);
            wins->fetch_add(1);
            ::usleep(500);
            inside->fetch_sub(1);
            return true;
        };
        {
            test::Child a(run), b(run), c(run);
            EXPECT_TRUE(a.ok());
            EXPECT_TRUE(b.ok());
            EXPECT_TRUE(c.ok());
        }
        EXPECT_EQ(most->load(), 1);
        EXPECT_EQ(wins->load(), 3);
        EXPECT_EQ(entries(), 0u);
    }
}

// Before each call of one breaker another comes by.
TEST_F(DirLockTest, a_breaker_that_is_overtaken_at_any_system_call_takes_nothing_from_the_other) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    auto dead = or_throw(sys::ProcessId::self());
    dead.start -= 1;
    const test::Shared<std::atomic<bool>> got;
    const auto break_and_keep = [&] {
        auto* const l = new DirLock(lock(true));
        auto* const held = new Result<Held>(l->lock(Deadline::now()));
        got->store(held->has_value());
    };
    unsigned overtaken = 0;
    bool over = false;
    for (long n = 1; !over; ++n) {
        left_by(dead);
        got->store(false);
        test::Stepped one([] {}, break_and_keep);
        over = one.step_calls(n) < n;
        auto l = lock(true);
        const auto mine = l.lock(Deadline::now());
        one.finish();
        overtaken += mine.has_value();
        EXPECT_NE(mine.has_value(), got->load()) << "at stop " << n;
        EXPECT_EQ(or_throw(l.status()).pid, mine ? ::getpid() : one.pid()) << "at stop " << n;
        one.kill();
        for (const auto& e : fs::directory_iterator(dir.path())) fs::remove_all(e.path());
        ASSERT_LT(n, 1000);
    }
    EXPECT_GT(overtaken, 5u);
}

TEST_F(DirLockTest, what_is_no_directory_is_a_mismatch_and_a_missing_place_is_not_found) {
    std::ofstream{path} << "x";
    WYE_EXPECT_ERRC(Errc::mismatch, lock().lock(Deadline::now()));
    fs::remove(path);
    fs::create_symlink("/nowhere", path);
    WYE_EXPECT_ERRC(Errc::mismatch, lock(true).lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::not_found, or_throw(DirLock::open(dir / "no/lock")).lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::bad_address, DirLock::open("/tmp/x/"));
}

TEST_F(DirLockTest, without_a_record_it_is_a_lock_still) {
    auto l = lock();
    const sys::Inject fault{{.call = sys::Call::symlink, .error = EPERM}};  // a file system without links
    auto held = or_throw(l.lock());
    EXPECT_EQ(fault.hits(), 1u);
    WYE_EXPECT_ERRC(Errc::timed_out, lock(true).lock(Deadline::now()));
    WYE_ASSERT_OK(held.release());
    EXPECT_EQ(entries(), 0u);
}

}  // namespace
