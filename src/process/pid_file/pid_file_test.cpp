#include "wye/process/pid_file.hpp"

#include "os/inject.hpp"
#include "support/pids.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;
using test::Gate;

namespace {

class PidFileTest : public ::testing::Test {
protected:
    std::string text() const {
        std::ifstream f(path);
        return {std::istreambuf_iterator<char>(f), {}};
    }
    bool there() const { return std::filesystem::exists(path); }

    test::TempDir dir;
    std::string path = dir / "d.pid";
};

TEST_F(PidFileTest, it_says_our_pid_and_goes_with_us) {
    {
        const auto f = or_throw(PidFile::take(path));
        EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
        EXPECT_EQ(or_throw(PidFile::holder(path)), ::getpid());
        struct stat s{};
        ASSERT_EQ(::stat(path.c_str(), &s), 0);
        EXPECT_EQ(s.st_mode & 07777, 0644u);
    }
    EXPECT_FALSE(there());
    WYE_EXPECT_ERRC(Errc::not_found, PidFile::holder(path));
}

TEST_F(PidFileTest, a_second_start_is_busy_and_names_the_holder) {
    const Gate held;
    test::Child holder([&] {
        const auto f = or_throw(PidFile::take(path));
        held.open();
        ::pause();
        return true;
    });
    ASSERT_TRUE(held.wait());
    const auto second = PidFile::take(path);
    WYE_EXPECT_ERRC(Errc::busy, second);
    EXPECT_NE(second.error().message().find("process " + std::to_string(holder.pid())), std::string::npos)
        << second.error().message();
    WYE_EXPECT_ERRC(Errc::busy, PidFile::take(path, {}, 50ms));
    EXPECT_EQ(text(), std::to_string(holder.pid()) + "\n") << "the refused one wrote nothing";
    holder.kill();
    EXPECT_TRUE(there()) << "nobody could remove it";
    WYE_EXPECT_ERRC(Errc::not_found, PidFile::holder(path));
    const auto third = or_throw(PidFile::take(path));
    EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, the_pid_of_a_living_stranger_does_not_block) {
    test::Child stranger([] {
        ::pause();
        return true;
    });
    std::ofstream(path) << stranger.pid() << "\n" << std::string(100, '9') << "\n";
    WYE_EXPECT_ERRC(Errc::not_found, PidFile::holder(path));
    const auto f = or_throw(PidFile::take(path));
    EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
}

TEST_F(PidFileTest, the_number_of_a_killed_holder_that_was_given_again_does_not_block) {
    if (!test::may_have_own_pids()) GTEST_SKIP() << "no pid namespace of our own here";
    test::Child child([&] {
        return test::in_own_pids([&] {
            const Gate held;
            test::Child holder([&] {
                const auto f = or_throw(PidFile::take(path));
                return held.open() && ::pause() == 0;
            });
            if (!held.wait()) return false;
            const pid_t pid = holder.pid();
            holder.kill();
            if (!test::recycle(pid)) return false;
            const test::Child stranger([] { return ::pause() == 0; });
            EXPECT_EQ(stranger.pid(), pid);
            EXPECT_EQ(text(), std::to_string(pid) + "\n") << "it says the number of somebody who lives";
            WYE_EXPECT_ERRC(Errc::not_found, PidFile::holder(path));
            EXPECT_TRUE(PidFile::take(path).has_value());
            return !HasFailure();
        });
    });
    EXPECT_TRUE(child.ok());
}

TEST_F(PidFileTest, a_holder_killed_at_any_system_call_keeps_nobody_out) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const auto hold = [&] { (void)PidFile::take(path); };
    const long all = test::calls([] {}, hold);
    ASSERT_GT(all, 10);
    for (long i = 0; i <= all; ++i) {
        test::Stepped victim([] {}, hold);
        victim.step_calls(i);
        victim.kill();
        {
            const auto mine = PidFile::take(path);
            ASSERT_TRUE(mine.has_value()) << "killed at stop " << i << " of " << all << ": " << mine.error().message();
            EXPECT_EQ(text(), std::to_string(::getpid()) + "\n") << "killed at stop " << i;
        }
        EXPECT_FALSE(there()) << "killed at stop " << i;
    }
}

TEST_F(PidFileTest, of_two_starters_one_wins_each_time) {
    const test::Shared<std::atomic<int>> winners, wrong;
    const test::Shared<pthread_barrier_t> both;
    pthread_barrierattr_t among_processes;
    ::pthread_barrierattr_init(&among_processes);
    ::pthread_barrierattr_setpshared(&among_processes, PTHREAD_PROCESS_SHARED);
    ASSERT_EQ(::pthread_barrier_init(&*both, &among_processes, 2), 0);
    constexpr int rounds = 1000;
    const auto run = [&] {
        for (int i = 0; i < rounds; ++i) {
            ::pthread_barrier_wait(&*both);
            const auto f = PidFile::take(path);
            if (f)
                winners->fetch_add(1);
            else if (!f.error().is(Errc::busy))
                wrong->fetch_add(1);
            ::pthread_barrier_wait(&*both);  // both have tried; then the winner lets go
            if (winners->load() != i + 1) wrong->fetch_add(1);
            ::pthread_barrier_wait(&*both);
        }
        return true;
    };
    test::Child a(run), b(run);
    EXPECT_TRUE(a.ok());
    EXPECT_TRUE(b.ok());
    EXPECT_EQ(wrong->load(), 0);
    EXPECT_EQ(winners->load(), rounds);
    EXPECT_FALSE(there());
}

TEST_F(PidFileTest, starting_while_another_ends_never_makes_two) {
    const test::Shared<std::atomic<int>> inside, wrong;
    const auto run = [&] {
        for (int i = 0; i < 500; ++i) {
            const auto f = PidFile::take(path, {}, 10s);
            if (!f || inside->fetch_add(1) != 0 || text() != std::to_string(::getpid()) + "\n") wrong->store(1);
            inside->fetch_sub(1);
        }
        return true;
    };
    test::Child a(run), b(run);
    EXPECT_TRUE(a.ok());
    EXPECT_TRUE(b.ok());
    EXPECT_EQ(wrong->load(), 0);
    EXPECT_FALSE(there());
}

TEST_F(PidFileTest, a_forked_child_neither_holds_nor_removes_it) {
    auto f = or_throw(PidFile::take(path));
    test::Child child([&] {
        const auto copy = std::move(f);
        return true;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_TRUE(there());
    EXPECT_EQ(or_throw(PidFile::holder(path)), ::getpid());

    const Gate forked;
    WYE_ASSERT_OK(f.remove());
    test::Child holder([&] {
        const auto mine = or_throw(PidFile::take(path));
        if (::fork() == 0) {
            forked.open(::getpid());
            ::pause();
            ::_exit(0);
        }
        ::pause();
        return true;
    });
    const pid_t worker = forked.wait();
    holder.kill();
    EXPECT_TRUE(PidFile::take(path).has_value());
    EXPECT_EQ(::kill(worker, SIGKILL), 0);
}

TEST_F(PidFileTest, a_name_that_stands_for_another_file_by_now_is_left_alone) {
    auto f = or_throw(PidFile::take(path));
    std::filesystem::rename(path, dir / "moved");
    std::ofstream(path) << "mine\n";
    WYE_ASSERT_OK(f.remove());
    EXPECT_EQ(text(), "mine\n");
}

TEST_F(PidFileTest, links_and_other_kinds_are_refused_and_not_truncated) {
    std::ofstream(dir / "precious") << "precious";
    const auto precious = [&] { return std::filesystem::file_size(dir / "precious") == 8; };
    std::filesystem::create_symlink("precious", path);
    WYE_EXPECT_ERRC(Errc::mismatch, PidFile::take(path));
    std::filesystem::remove(path);
    std::filesystem::create_hard_link(dir / "precious", path);
    WYE_EXPECT_ERRC(Errc::mismatch, PidFile::take(path));
    std::filesystem::remove(path);
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, PidFile::take(path));
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    WYE_EXPECT_ERRC(Errc::mismatch, PidFile::take(path));
    EXPECT_TRUE(precious());
    if (::geteuid() != 0) return;
    std::filesystem::remove(path);
    std::ofstream(path) << "x";
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    WYE_EXPECT_ERRC(Errc::denied, PidFile::take(path));
    EXPECT_EQ(text(), "x");
}

TEST_F(PidFileTest, a_full_disk_is_exhausted_and_leaves_nothing) {
    const sys::Inject fault{{.call = sys::Call::write, .error = ENOSPC}};
    WYE_EXPECT_ERRC(Errc::exhausted, PidFile::take(path));
    EXPECT_EQ(fault.hits(), 1u);
    EXPECT_FALSE(there());
}

TEST_F(PidFileTest, a_disk_that_is_really_full_is_exhausted_and_keeps_out_nobody) {
    const auto small = [&] { return test::own_tmpfs(dir.path(), "size=1m"); };
    if (!test::Child(small).ok()) GTEST_SKIP() << "a small disk takes a mount namespace";
    test::Child child([&] {
        if (!small()) return false;
        std::ofstream(dir / "much") << std::string(2 << 20, 'x');
        WYE_EXPECT_ERRC(Errc::exhausted, PidFile::take(path));
        EXPECT_FALSE(there());
        std::filesystem::remove(dir / "much");
        EXPECT_TRUE(PidFile::take(path).has_value());
        return !HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST_F(PidFileTest, on_a_network_file_system_it_is_refused_and_nothing_made) {
    const sys::Inject there{{.call = sys::Call::statfs, .answer = 0x6969}};
    WYE_EXPECT_ERRC(Errc::unsupported, PidFile::take(path));
    EXPECT_FALSE(this->there());
}

TEST_F(PidFileTest, short_writes_are_finished) {
    const sys::Inject fault{{.call = sys::Call::write, .times = 3, .clip = 1}};
    const auto f = or_throw(PidFile::take(path));
    EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
}

}  // namespace
