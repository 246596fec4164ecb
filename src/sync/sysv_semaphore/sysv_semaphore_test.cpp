#include "wye/sync/sysv_semaphore.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;

namespace {

// A key of this test's own, whose set is removed at its end whatever happened.
class SysvSemaphoreTest : public ::testing::Test {
protected:
    std::string uri = sysv_semaphore_mechanism.scratch("")[0];
    std::int32_t key = static_cast<std::int32_t>(std::stoul(uri.substr(uri.find('=') + 1), nullptr, 16));
    ~SysvSemaphoreTest() override { (void)wye::remove(uri); }

    SysvSemaphore make(unsigned initial, Create create = Create::exclusive) {
        return or_throw(SysvSemaphore::open(key, {.create = create, .initial = initial}));
    }
};

template <class F>
bool soon(F&& f) {
    for (const Deadline d = 10s; !d.passed(); ::usleep(500))
        if (f()) return true;
    return false;
}

}  // namespace

// ---------------------------------------------------------------- first values

TEST_F(SysvSemaphoreTest, a_maker_killed_at_any_call_leaves_nobody_waiting) {
    for (unsigned nth = 1;; ++nth) {
        test::Child maker([&] {
            const sys::Inject fault{{.nth = nth, .signal = SIGKILL}};
            return SysvSemaphore::open(key, {.create = Create::exclusive, .initial = 3}).has_value();
        });
        const bool survived = maker.ok();
        ASSERT_LT(nth, 20u) << "it is never done";
        const auto start = Deadline::Clock::now();
        auto s = or_throw(SysvSemaphore::open(key, {.create = Create::if_missing, .initial = 3}, 5s));
        EXPECT_LE(Deadline::Clock::now() - start, 1s);
        EXPECT_EQ(or_throw(s.value()), 3u) << "killed at call " << nth;
        WYE_ASSERT_OK(s.remove());
        if (survived) {
            EXPECT_GE(nth, 3u) << "the kill never came between the making and the values";
            break;
        }
    }
}

TEST_F(SysvSemaphoreTest, a_maker_that_is_stopped_before_it_gives_the_values_does_not_give_them_again) {
    test::Child maker([&] {
        const sys::Inject fault{{.call = sys::Call::semop, .signal = SIGSTOP}};
        return SysvSemaphore::open(key, {.create = Create::exclusive, .initial = 2}).has_value();
    });
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(maker.pid()), &info, WSTOPPED), 0);
    auto taker = make(2, Create::if_missing);
    WYE_ASSERT_OK(taker.wait(1s));
    WYE_ASSERT_OK(taker.wait(1s));
    maker.signal(SIGCONT);
    EXPECT_TRUE(maker.ok());
    EXPECT_EQ(or_throw(taker.value()), 0u);
}

TEST_F(SysvSemaphoreTest, makers_at_once_get_one_semaphore_with_its_units_once) {
    for (int round = 0; round < 20; ++round) {
        std::vector<test::Child> makers;
        for (int i = 0; i < 4; ++i)
            makers.emplace_back([&] {
                auto s = or_throw(SysvSemaphore::open(key, {.create = Create::if_missing, .initial = 5}, 5s));
                return s.wait(5s).has_value();
            });
        for (auto& m : makers) ASSERT_TRUE(m.ok());
        auto s = or_throw(SysvSemaphore::open(key));
        ASSERT_EQ(or_throw(s.value()), 1u);
        WYE_ASSERT_OK(s.remove());
    }
}

TEST_F(SysvSemaphoreTest, who_does_not_know_the_values_waits_a_second_at_most_and_says_why) {
    ASSERT_GE(::semget(key, 2, IPC_CREAT | IPC_EXCL | 0600), 0);
    const auto r = SysvSemaphore::open(key, {}, 50ms);
    WYE_EXPECT_ERRC(Errc::timed_out, r);
    EXPECT_NE(r.error().message().find("no values"), std::string::npos);
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, SysvSemaphore::open(key));
    EXPECT_LE(Deadline::Clock::now() - start, 4s);
}

TEST_F(SysvSemaphoreTest, who_waits_for_the_values_gets_them) {
    ASSERT_GE(::semget(key, 2, IPC_CREAT | IPC_EXCL | 0600), 0);
    test::Child opener([&] { return or_throw(SysvSemaphore::open(key, {}, 10s)).wait(10s).has_value(); });
    auto s = make(1, Create::if_missing);
    EXPECT_TRUE(opener.ok());
    EXPECT_EQ(or_throw(s.value()), 0u);
}

TEST_F(SysvSemaphoreTest, a_set_of_a_program_that_knows_nothing_of_us_is_used_as_it_is) {
    const int id = ::semget(key, 2, IPC_CREAT | IPC_EXCL | 0600);
    sembuf ops[] = {{0, 4, 0}, {1, 2, 0}};
    ASSERT_EQ(::semop(id, ops, 2), 0);
    EXPECT_EQ(or_throw(make(9, Create::if_missing).value()), 4u);
    auto set = or_throw(SysvSemaphoreSet::open(key));
    EXPECT_EQ(set.size(), 2u);
    EXPECT_EQ(or_throw(or_throw(open_semaphore(uri + "?index=1")).value()), 2u);
    WYE_EXPECT_ERRC(Errc::not_found, open_semaphore(uri + "?index=2"));
    EXPECT_EQ(or_throw(or_throw(open_semaphore("sysv-sem:id=" + std::to_string(id) + "?index=1")).value()), 2u);
}

TEST_F(SysvSemaphoreTest, and_such_a_program_can_use_ours) {
    auto s = make(2);
    const int id = ::semget(key, 1, 0);
    ASSERT_EQ(id, s.id());
    semid_ds d{};
    ASSERT_EQ(::semctl(id, 0, IPC_STAT, &d), 0);
    EXPECT_NE(d.sem_otime, 0) << "by which it tells that the set is ready";
    sembuf take{0, -1, 0};
    ASSERT_EQ(::semop(id, &take, 1), 0);
    EXPECT_EQ(or_throw(s.value()), 1u);
}

TEST_F(SysvSemaphoreTest, what_is_made_by_an_open_that_fails_is_removed_again) {
    {
        const sys::Inject fault{{.call = sys::Call::semctl, .error = EACCES}};
        WYE_EXPECT_ERRC(Errc::denied, SysvSemaphore::open(key, {.create = Create::exclusive}));
        EXPECT_EQ(fault.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::not_found, SysvSemaphore::open(key));
}

TEST_F(SysvSemaphoreTest, a_set_that_is_removed_while_it_is_opened_is_made_anew) {
    make(1);
    const sys::Inject fault{{.call = sys::Call::semctl, .error = EIDRM}};  // it went between the two calls
    EXPECT_EQ(or_throw(make(1, Create::if_missing).value()), 1u);
    EXPECT_EQ(fault.hits(), 1u);
}

TEST_F(SysvSemaphoreTest, create_says_what_happens_when_it_is_there_or_not) {
    WYE_EXPECT_ERRC(Errc::not_found, SysvSemaphore::open(key));
    auto s = make(1);
    WYE_EXPECT_ERRC(Errc::already_exists, SysvSemaphore::open(key, {.create = Create::exclusive}));
    EXPECT_EQ(make(7, Create::if_missing).id(), s.id());
    EXPECT_EQ(or_throw(s.value()), 1u);
    WYE_EXPECT_ERRC(Errc::exhausted, SysvSemaphore::open(key + 1, {.create = Create::exclusive, .initial = 32768}));
    WYE_EXPECT_ERRC(Errc::bad_address, SysvSemaphore::open(IPC_PRIVATE, {.create = Create::exclusive}));
}

TEST_F(SysvSemaphoreTest, one_that_another_user_made_is_not_mistaken_for_ours) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    test::Child squatter([&] {
        return ::setuid(65534) == 0 &&
               SysvSemaphore::open(key, {.create = Create::exclusive, .permissions = 0666}).has_value();
    });
    ASSERT_TRUE(squatter.ok());
    WYE_EXPECT_ERRC(Errc::denied, SysvSemaphore::open(key, {.create = Create::if_missing}));
    EXPECT_EQ(or_throw(or_throw(SysvSemaphore::open(key)).stat()).creator, 65534u);
}

TEST_F(SysvSemaphoreTest, permissions_are_exact_and_shut_others_out) {
    const auto before = ::umask(0);
    EXPECT_EQ(or_throw(make(1).stat()).mode, 0600u);
    ::umask(before);
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    test::Child other([&] {
        if (::setuid(65534) != 0) return false;
        WYE_EXPECT_ERRC(Errc::denied, SysvSemaphore::open(key));
        WYE_EXPECT_ERRC(Errc::denied, wye::remove(uri));
        return true;
    });
    EXPECT_TRUE(other.ok());
}

TEST_F(SysvSemaphoreTest, no_room_for_another_set_says_which_limit_and_how_much_is_used) {
    const auto confine = [] {
        return ::unshare(CLONE_NEWIPC) == 0 &&
               (std::ofstream("/proc/sys/kernel/sem") << "250 100 32 1" << std::flush).good();
    };
    if (!test::Child(confine).ok()) GTEST_SKIP() << "needs an IPC namespace of its own, and to set its limits";
    test::Child confined([&] {
        if (!confine()) return false;
        make(1);
        const auto r = SysvSemaphore::open(key + 1, {.create = Create::exclusive});
        WYE_EXPECT_ERRC(Errc::exhausted, r);
        EXPECT_NE(r.error().message().find("1 of SEMMNI=1 sets and 2 of SEMMNS=100"), std::string::npos)
            << r.error().message();
        return true;
    });
    EXPECT_TRUE(confined.ok());
}

// ---------------------------------------------------------------- units

TEST_F(SysvSemaphoreTest, the_units_of_killed_holders_come_back_and_those_taken_for_good_do_not) {
    auto s = make(3);
    test::Child holder([&] {
        const auto a = or_throw(s.acquire(1s)), b = or_throw(s.acquire(1s));
        return s.wait(1s) && ::pause() == 0;
    });
    ASSERT_TRUE(soon([&] { return or_throw(s.value()) == 0; }));
    EXPECT_EQ(or_throw(s.last_pid()), holder.pid());
    holder.kill();
    EXPECT_EQ(or_throw(s.value()), 2u);
}

// V2: SETVAL and SETALL would wipe what the kernel gives back for the dead. None of our calls does.
TEST_F(SysvSemaphoreTest, nothing_that_can_be_called_here_wipes_what_a_dead_holder_gives_back) {
    auto s = make(3);
    test::Child holder([&] {
        const auto a = or_throw(s.acquire(1s)), b = or_throw(s.acquire(1s));
        return ::pause() == 0;
    });
    ASSERT_TRUE(soon([&] { return or_throw(s.value()) == 1; }));
    EXPECT_EQ(make(7, Create::if_missing).id(), s.id());
    WYE_EXPECT_ERRC(Errc::already_exists, wye::make(uri + "?initial=5"));
    auto set = or_throw(SysvSemaphoreSet::open(key));
    const std::array down{SemOp{0, -1}}, up{SemOp{0, 1}};
    WYE_ASSERT_OK(set.operate(down));
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait(Deadline::now()));
    WYE_ASSERT_OK(s.wait_zero(1s));
    WYE_ASSERT_OK(set.operate(up));
    WYE_ASSERT_OK(s.wait(1s));
    WYE_ASSERT_OK(s.post());
    (void)or_throw(s.acquire(1s));
    WYE_ASSERT_OK(wye::remove(uri, {.dry_run = true}));
    (void)or_throw(s.stat()), (void)or_throw(s.waiters()), (void)or_throw(set.values());
    holder.kill();
    EXPECT_EQ(or_throw(s.value()), 3u);
}

TEST_F(SysvSemaphoreTest, a_permit_is_given_back_once_and_its_semaphore_may_have_moved) {
    auto s = make(1);
    auto held = [&] {
        auto moved = or_throw(SysvSemaphore::open(key));
        return or_throw(moved.acquire(1s));
    }();
    EXPECT_EQ(or_throw(s.value()), 0u);
    WYE_ASSERT_OK(held.release());
    WYE_ASSERT_OK(held.release());
    EXPECT_EQ(or_throw(s.value()), 1u);
}

TEST_F(SysvSemaphoreTest, the_copy_of_a_permit_in_a_forked_child_does_nothing) {
    auto s = make(1);
    auto held = or_throw(s.acquire(1s));
    test::Child child([&] { return held.release().has_value() && or_throw(s.value()) == 0; });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(or_throw(s.value()), 0u);
    WYE_ASSERT_OK(held.release());
    EXPECT_EQ(or_throw(s.value()), 1u);
}

TEST_F(SysvSemaphoreTest, removal_ends_the_waiting_and_whatever_comes_after) {
    auto s = make(0);
    test::Child for_unit([&] {
        WYE_EXPECT_ERRC(Errc::closed, s.wait(10s));
        return true;
    });
    test::Child for_ever([&] {
        WYE_EXPECT_ERRC(Errc::closed, s.acquire());
        return true;
    });
    ASSERT_TRUE(soon([&] { return or_throw(s.waiters()).for_unit == 2; }));
    WYE_ASSERT_OK(s.remove());
    EXPECT_TRUE(for_unit.ok() && for_ever.ok());
    WYE_EXPECT_ERRC(Errc::closed, s.post());
    WYE_EXPECT_ERRC(Errc::closed, s.value());
    WYE_EXPECT_ERRC(Errc::closed, s.stat());
    WYE_EXPECT_ERRC(Errc::not_found, s.remove());
    auto again = make(1);  // another generation: the old object does not slip into it
    WYE_EXPECT_ERRC(Errc::closed, s.wait(1s));
    EXPECT_EQ(or_throw(again.value()), 1u);
}

TEST_F(SysvSemaphoreTest, zero_is_waited_for_and_both_queues_are_counted) {
    auto s = make(1);
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait_zero(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait_zero(30ms));
    test::Child waiter([&] { return s.wait_zero(10s).has_value(); });
    ASSERT_TRUE(soon([&] { return or_throw(s.waiters()).for_zero == 1; }));
    WYE_ASSERT_OK(s.wait(1s));
    EXPECT_TRUE(waiter.ok());
    EXPECT_EQ(or_throw(s.waiters()).for_zero, 0u);
}

TEST_F(SysvSemaphoreTest, a_full_semaphore_is_exhausted) {
    auto s = make(SysvSemaphore::max_value);
    const auto r = s.post();
    WYE_EXPECT_ERRC(Errc::exhausted, r);
    EXPECT_EQ(r.error().sys(), ERANGE);
    EXPECT_EQ(or_throw(s.value()), SysvSemaphore::max_value);
}

TEST_F(SysvSemaphoreTest, an_interrupted_wait_goes_on_with_the_time_that_is_left) {
    auto s = make(0);
    const test::EintrStorm storm;
    for (int i = 0; i < 3; ++i) {
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, s.wait(50ms));
        EXPECT_GE(Deadline::Clock::now() - start, 50ms);
        EXPECT_LE(Deadline::Clock::now() - start, 1s);
    }
    const sys::Inject fault{{.call = sys::Call::semop, .times = 3, .error = EINTR}};
    WYE_ASSERT_OK(s.post());
    WYE_ASSERT_OK(s.wait(1s));
    EXPECT_EQ(fault.hits(), 3u);
}

TEST_F(SysvSemaphoreTest, what_can_be_done_at_once_is_one_system_call) {
    auto s = make(1);
    const auto before = sys::count();
    WYE_ASSERT_OK(s.wait(1s));
    WYE_ASSERT_OK(s.post());
    or_throw(s.acquire());
    EXPECT_EQ(sys::count() - before, 4u);
}

// ---------------------------------------------------------------- sets

TEST_F(SysvSemaphoreTest, the_steps_of_an_operation_are_done_together_or_not_at_all) {
    auto set = or_throw(SysvSemaphoreSet::open(key, {.create = Create::exclusive, .initial = {2, 0, 5}}));
    EXPECT_EQ(set.size(), 3u);
    const std::array both{SemOp{0, -1}, SemOp{1, -1}};
    WYE_EXPECT_ERRC(Errc::timed_out, set.operate(both, Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, set.operate(both, 30ms));
    EXPECT_EQ(or_throw(set.values()), (std::vector<unsigned>{2, 0, 5}));
    test::Child waiter([&] { return set.operate(both, 10s).has_value(); });
    auto second = or_throw(set.at(1));
    ASSERT_TRUE(soon([&] { return or_throw(second.waiters()).for_unit == 1; }));
    WYE_ASSERT_OK(second.post());
    EXPECT_TRUE(waiter.ok());
    EXPECT_EQ(or_throw(set.values()), (std::vector<unsigned>{1, 0, 5}));
    const std::array bound{SemOp{1, 0}, SemOp{2, -5}, SemOp{0, 3}};
    WYE_ASSERT_OK(set.operate(bound, 1s));
    EXPECT_EQ(or_throw(set.values()), (std::vector<unsigned>{4, 0, 0}));
}

TEST_F(SysvSemaphoreTest, steps_with_undo_are_taken_back_when_their_process_dies) {
    auto set = or_throw(SysvSemaphoreSet::open(key, {.create = Create::exclusive, .initial = {3, 0}}));
    test::Child holder([&] {
        const std::array move{SemOp{0, -2, true}, SemOp{1, 1, true}, SemOp{1, 1}};
        return set.operate(move, 1s) && ::pause() == 0;
    });
    ASSERT_TRUE(soon([&] { return or_throw(set.values()) == std::vector<unsigned>{1, 2}; }));
    holder.kill();
    EXPECT_EQ(or_throw(set.values()), (std::vector<unsigned>{3, 1}));
}

TEST_F(SysvSemaphoreTest, the_member_that_marks_a_set_as_ready_is_out_of_reach) {
    auto set = or_throw(SysvSemaphoreSet::open(key, {.create = Create::exclusive, .initial = {1, 1}}));
    EXPECT_EQ(or_throw(set.stat()).members, 3u);
    WYE_EXPECT_ERRC(Errc::not_found, set.at(2));
    const std::array beyond{SemOp{2, 1}};
    WYE_EXPECT_ERRC(Errc::not_found, set.operate(beyond));
    WYE_EXPECT_ERRC(Errc::not_found, open_semaphore(uri + "?index=2"));
}

TEST_F(SysvSemaphoreTest, a_set_of_another_size_is_a_mismatch_and_too_many_steps_are_too_big) {
    auto set = or_throw(SysvSemaphoreSet::open(key, {.create = Create::exclusive, .initial = {1, 1}}));
    WYE_EXPECT_ERRC(Errc::mismatch, SysvSemaphoreSet::open(key, {.create = Create::if_missing, .initial = {1}}));
    EXPECT_EQ(or_throw(SysvSemaphoreSet::open(key)).size(), 2u);
    EXPECT_EQ(or_throw(SysvSemaphoreSet::open_id(set.id())).size(), 2u);
    const std::vector<SemOp> many(100'000, SemOp{0, 1});
    WYE_EXPECT_ERRC(Errc::too_big, set.operate(many, 1s));
    const std::array wide{SemOp{0, 70000}};
    WYE_EXPECT_ERRC(Errc::exhausted, set.operate(wide, 1s));
}

// ---------------------------------------------------------------- the room

TEST_F(SysvSemaphoreTest, the_list_and_stat_say_what_the_kernel_knows) {
    auto s = make(1);
    const auto now = std::chrono::system_clock::now();
    const auto stat = or_throw(s.stat());
    EXPECT_EQ(stat.key, key);
    EXPECT_EQ(stat.owner, ::geteuid());
    EXPECT_EQ(stat.creator, ::geteuid());
    EXPECT_LT(std::chrono::abs(now - stat.last_change), 60s);
    EXPECT_LT(std::chrono::abs(now - stat.last_operation), 60s);
    bool listed = false;
    WYE_ASSERT_OK(sysv_semaphore_mechanism.list([&](const Object& o) {
        if (o.uri == uri) listed = o.mode == 0600 && o.owner == ::geteuid() && o.items == 2;
    }));
    EXPECT_TRUE(listed);
}

TEST_F(SysvSemaphoreTest, a_path_and_a_number_give_the_key_of_ftok) {
    const test::TempDir dir;
    const auto path = dir / "anchor";
    const auto by_path = "sysv-sem:" + path + "#7";
    WYE_EXPECT_ERRC(Errc::not_found, open_semaphore(by_path, {.create = Create::if_missing}));
    std::ofstream(path) << "x";
    EXPECT_EQ(or_throw(SysvSemaphore::key_of(path, 7)), ::ftok(path.c_str(), 7));
    auto s = or_throw(open_semaphore(by_path + "", {.create = Create::exclusive, .initial = 4}));
    EXPECT_GE(::semget(::ftok(path.c_str(), 7), 0, 0), 0);
    EXPECT_EQ(or_throw(s.value()), 4u);
    WYE_ASSERT_OK(wye::remove(by_path));
}

TEST_F(SysvSemaphoreTest, the_units_of_the_uri_are_those_it_is_made_with) {
    WYE_ASSERT_OK(wye::make(uri + "?initial=6"));
    EXPECT_EQ(or_throw(or_throw(open_semaphore(uri)).value()), 6u);
    WYE_EXPECT_ERRC(Errc::unsupported, wye::open(uri));
}

TEST(SysvSemaphore, a_uri_that_contradicts_itself_is_refused) {
    for (const auto* uri : {"sysv-sem:", "sysv-sem:/etc/hostname", "sysv-sem:/etc/hostname#0", "sysv-sem:key=0",
                            "sysv-sem:key=0x51#3", "sysv-sem:relative#1", "sysv-sem:key=0x51?index=70000",
                            "sysv-sem:key=0x51?initial=32768", "sysv-sem:key=0x51?depth=3"})
        WYE_EXPECT_ERRC(Errc::bad_address, open_semaphore(uri));
    for (const auto* uri : {"sysv-sem:id=5", "sysv-sem:key=0x51?index=1"})
        WYE_EXPECT_ERRC(Errc::bad_address, open_semaphore(uri, {.create = Create::if_missing}));
}
