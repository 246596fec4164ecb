#include "wye/sync/file_lock.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace wye;
using test::Gate;
using namespace std::chrono_literals;

namespace {

FileLockOptions kind(bool range) { return range ? FileLockOptions{.range = ByteRange{}} : FileLockOptions{}; }

class FileLockTest : public ::testing::TestWithParam<bool> {
protected:
    FileLock lock() { return or_throw(FileLock::open(path, kind(GetParam()))); }
    bool free() { return lock().lock(Deadline::now()).has_value(); }

    test::TempDir dir;
    std::string path = dir / "lock";
};

INSTANTIATE_TEST_SUITE_P(Kinds, FileLockTest, ::testing::Values(false, true),
                         [](const auto& i) { return i.param ? "range" : "flock"; });

TEST_P(FileLockTest, a_child_forked_by_the_holder_does_not_keep_the_lock) {
    const Gate forked;
    test::Child holder([&] {
        auto l = lock();
        const auto mine = or_throw(l.lock());
        if (::fork() == 0) {
            forked.open(::getpid());
            ::pause();
            ::_exit(0);
        }
        ::pause();
        return true;
    });
    const pid_t grandchild = forked.wait();
    ASSERT_GT(grandchild, 0);
    EXPECT_FALSE(free());
    holder.kill();
    EXPECT_TRUE(free());
    EXPECT_EQ(::kill(grandchild, SIGKILL), 0) << "the child was to be alive while the lock was free";
}

TEST_P(FileLockTest, a_forked_child_neither_unlocks_nor_locks_by_its_copy) {
    auto l = lock();
    auto mine = or_throw(l.lock());
    test::Child child([&] {
        EXPECT_TRUE(mine.release().has_value());
        WYE_EXPECT_ERRC(Errc::mismatch, l.lock(Deadline::now()));
        WYE_EXPECT_ERRC(Errc::timed_out, lock().lock(Deadline::now()));
        return true;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_FALSE(free());
    WYE_ASSERT_OK(mine.release());
    EXPECT_TRUE(free());
}

TEST_P(FileLockTest, a_started_program_does_not_keep_the_lock_unless_asked) {
    for (const bool asked : {false, true}) {
        int report[2];
        ASSERT_EQ(::pipe(report), 0);
        test::Child holder([&] {
            auto l = lock();
            const auto mine = or_throw(l.lock());
            EXPECT_TRUE(!asked || l.keep_over_exec().has_value());
            ::dup2(report[1], 1);
            ::execl("/bin/sh", "sh", "-c", "echo x; exec sleep 20 >/dev/null", nullptr);
            return false;
        });
        char c;
        ASSERT_EQ(::read(report[0], &c, 1), 1);
        EXPECT_EQ(free(), !asked);
        holder.kill();
        EXPECT_TRUE(free());
        ::close(report[0]), ::close(report[1]);
    }
}

TEST_P(FileLockTest, closing_another_descriptor_of_the_file_drops_nothing) {
    auto l = lock();
    const auto mine = or_throw(l.lock());
    ::close(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_FALSE(free());
    test::Child other([&] { return !free(); });
    EXPECT_TRUE(other.ok());
}

TEST_P(FileLockTest, two_objects_of_one_process_exclude_each_other_and_one_object_is_held_once) {
    auto a = lock(), b = lock();
    auto held = or_throw(a.lock());
    WYE_EXPECT_ERRC(Errc::busy, a.lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, b.lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, b.lock_shared(Deadline::now()));
    auto moved = std::move(a);
    held = {};
    EXPECT_TRUE(b.lock(Deadline::now()).has_value());
    EXPECT_TRUE(moved.lock(Deadline::now()).has_value());
}

TEST_P(FileLockTest, at_most_one_holder_of_the_name_while_the_file_is_unlinked_and_made_again) {
    const test::Shared<std::atomic<int>> inside, worst;
    const auto run = [&] {
        // 10^5 rounds of the two together; a slow machine makes fewer.
        const Deadline enough = 5s;
        for (int i = 0; i < 50'000 && !enough.passed(); ++i) {
            auto l = lock();
            const auto mine = or_throw(l.lock(10s));
            if (inside->fetch_add(1) != 0) worst->store(1);
            struct stat s{};
            if (::stat(path.c_str(), &s) != 0) worst->store(2);
            inside->fetch_sub(1);
            ::unlink(path.c_str());
        }
        return true;
    };
    test::Child a(run), b(run);
    EXPECT_TRUE(a.ok());
    EXPECT_TRUE(b.ok());
    EXPECT_EQ(worst->load(), 0);
}

TEST_P(FileLockTest, what_was_replaced_before_the_lock_was_taken_is_noticed) {
    auto l = lock();
    std::ofstream(dir / "new") << "x";
    std::filesystem::rename(dir / "new", path);
    const auto mine = or_throw(l.lock(Deadline::now()));
    EXPECT_FALSE(free());
}

TEST_P(FileLockTest, a_waiter_whose_file_is_unlinked_takes_the_new_one) {
    auto first = lock();
    auto held = or_throw(first.lock());
    const Gate ready;
    test::Child waiter([&] {
        auto l = lock();
        ready.open();
        const auto mine = or_throw(l.lock(10s));
        return !free();  // by its name
    });
    ASSERT_TRUE(ready.wait());
    ::unlink(path.c_str());
    held = {};
    EXPECT_TRUE(waiter.ok());
}

TEST_P(FileLockTest, what_is_no_file_of_ours_is_refused) {
    const auto open = [&](const std::string& name) { return FileLock::open(dir / name, kind(GetParam())); };
    std::ofstream(dir / "file") << "x";
    ASSERT_EQ(::symlink("file", (dir / "link").c_str()), 0);
    ASSERT_EQ(::symlink("none", (dir / "dangling").c_str()), 0);
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, open("link"));
    WYE_EXPECT_ERRC(Errc::mismatch, open("dangling"));
    WYE_EXPECT_ERRC(Errc::mismatch, open("fifo"));
    WYE_EXPECT_ERRC(Errc::mismatch, FileLock::open("/dev/null", kind(GetParam())));
    WYE_EXPECT_ERRC(Errc::not_found, open("no/such"));
    EXPECT_FALSE(std::filesystem::exists(dir / "none"));
    if (::geteuid() != 0) return;
    ASSERT_EQ(::chown((dir / "file").c_str(), 65534, 65534), 0);
    WYE_EXPECT_ERRC(Errc::denied, open("file"));
    auto any = kind(GetParam());
    any.any_owner = true;
    WYE_ASSERT_OK(FileLock::open(dir / "file", any));
}

TEST_P(FileLockTest, the_file_has_the_permissions_asked_for_and_outlives_the_lock) {
    ::umask(077);
    auto o = kind(GetParam());
    o.permissions = 0664;
    { const auto mine = or_throw(FileLock::open(path, o)); }
    ::umask(022);
    struct stat s{};
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 07777, 0664u);
    o.create = false;
    ::unlink(path.c_str());
    WYE_EXPECT_ERRC(Errc::not_found, FileLock::open(path, o));
}

TEST_P(FileLockTest, the_holder_is_named) {
    auto mine = lock();
    WYE_ASSERT_OK(mine.holder());
    EXPECT_FALSE(or_throw(mine.holder()).has_value());
    for (const bool shared : {false, true}) {
        const Gate held;
        test::Child holder([&] {
            auto l = lock();
            const auto h = or_throw(shared ? l.lock_shared() : l.lock());
            held.open();
            ::pause();
            return true;
        });
        ASSERT_TRUE(held.wait());
        const auto who = or_throw(mine.holder());
        ASSERT_TRUE(who.has_value());
        EXPECT_EQ(who->pid, holder.pid());
        EXPECT_EQ(who->shared, shared);
        holder.kill();
        EXPECT_FALSE(or_throw(mine.holder()).has_value());
    }
}

TEST(FileLock, a_lock_that_a_dead_holder_left_to_a_child_names_the_child) {
    const test::TempDir dir;
    std::ofstream(dir / "l") << "";
    const Gate forked;
    test::Child taker([&] {  // a program that knows nothing of this library
        const int fd = ::open((dir / "l").c_str(), O_RDONLY);
        if (::flock(fd, LOCK_EX) != 0) return false;
        if (::fork() == 0) {
            forked.open(::getpid());
            ::pause();
            ::_exit(0);
        }
        return true;
    });
    ASSERT_TRUE(taker.ok());
    const pid_t child = forked.wait();
    const auto who = or_throw(or_throw(FileLock::open(dir / "l")).holder());
    EXPECT_TRUE(who && who->pid == child) << (who ? who->pid : -1) << " instead of " << child;
    ::kill(child, SIGKILL);
}

TEST(FileLock, ranges_that_do_not_meet_are_free_of_each_other_and_classic_record_locks_are_kept_out) {
    const test::TempDir dir;
    const auto at = [&](std::uint64_t from, std::uint64_t n) {
        return or_throw(FileLock::open(dir / "l", {.range = ByteRange{from, n}}));
    };
    auto a = at(0, 10), b = at(10, 10), both = at(5, 10), rest = at(20, 0);
    auto ha = or_throw(a.lock(Deadline::now()));
    const auto hb = or_throw(b.lock(Deadline::now()));
    const auto hr = or_throw(rest.lock(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, both.lock(Deadline::now()));
    test::Child classic([&] {
        const int fd = ::open((dir / "l").c_str(), O_RDWR | O_CLOEXEC);
        struct flock f{};
        f.l_type = F_WRLCK, f.l_start = 3, f.l_len = 1;
        if (::fcntl(fd, F_SETLK, &f) == 0 || (errno != EAGAIN && errno != EACCES)) return false;
        f.l_type = F_WRLCK, f.l_pid = 0;
        return ::fcntl(fd, F_GETLK, &f) == 0 && f.l_type == F_WRLCK && f.l_pid == -1;
    });
    EXPECT_TRUE(classic.ok());
    WYE_EXPECT_ERRC(Errc::bad_address, FileLock::open(dir / "l", {.range = ByteRange{UINT64_MAX, 1}}));
}

// Why the header tells a writer to bring a deadline.
TEST(FileLock, a_shared_lock_is_given_though_a_writer_waits_and_the_writer_ends_by_its_deadline) {
    const test::TempDir dir;
    auto reader = or_throw(FileLock::open(dir / "l"));
    auto first = or_throw(reader.lock_shared());
    test::Child writer([&] {
        auto l = or_throw(FileLock::open(dir / "l"));
        const auto r = l.lock(300ms);
        return !r && r.error().is(Errc::timed_out);
    });
    // It blocks in flock: the kernel says so in its table.
    const auto waits = [] {
        std::ifstream table("/proc/locks");
        const std::string all((std::istreambuf_iterator<char>(table)), {});
        return all.find("-> FLOCK") != std::string::npos;
    };
    for (int i = 0; i < 200 && !waits(); ++i) ::usleep(1000);
    auto second = or_throw(FileLock::open(dir / "l"));
    EXPECT_TRUE(second.lock_shared(Deadline::now()).has_value());
    EXPECT_TRUE(writer.ok());
    first = {};
    auto late = or_throw(FileLock::open(dir / "l"));
    EXPECT_TRUE(late.lock(1s).has_value()) << "no reader is left";
}

TEST(FileLock, a_fair_reader_waits_behind_a_writer_who_waits) {
    const test::TempDir dir;
    const auto fair = [&] { return or_throw(FileLock::open(dir / "l", {.fair = true})); };
    auto reader = fair(), second = fair();
    auto first = or_throw(reader.lock_shared(Deadline::now()));
    EXPECT_TRUE(second.lock_shared(Deadline::now()).has_value()) << "nobody waits";
    const test::Shared<std::atomic<bool>> got, over;
    test::Child writer([&] {
        auto l = fair();
        const auto mine = or_throw(l.lock(10s));
        got->store(true);
        for (Deadline end = 10s; !over->load() && !end.passed();) ::usleep(1000);
        return true;
    });
    for (Deadline soon = 5s; second.lock_shared(Deadline::now()) && !soon.passed();) ::usleep(1000);
    WYE_EXPECT_ERRC(Errc::timed_out, second.lock_shared(20ms));
    WYE_EXPECT_ERRC(Errc::timed_out, second.lock(Deadline::now()));
    auto careless = or_throw(FileLock::open(dir / "l"));
    EXPECT_TRUE(careless.lock_shared(Deadline::now()).has_value()) << "one who is not fair passes by, as flock(1) does";
    first = {};
    for (Deadline soon = 5s; !got->load() && !soon.passed();) ::usleep(1000);
    WYE_EXPECT_ERRC(Errc::timed_out, careless.lock_shared(Deadline::now()));
    over->store(true);
    EXPECT_TRUE(writer.ok());
    EXPECT_TRUE(second.lock_shared(10s).has_value());
}

// F9. Readers who never cease to overlap: each lets go only when another has it too, or somebody waits.
TEST(FileLock, a_fair_writer_is_not_starved_by_readers_who_overlap_for_ever) {
    const test::TempDir dir;
    const test::Shared<std::atomic<int>> inside, over;
    std::vector<test::Child> readers;
    for (int i = 0; i < 3; ++i)
        readers.emplace_back([&] {
            auto l = or_throw(FileLock::open(dir / "l", {.fair = true}));
            while (!over->load()) {
                const auto mine = or_throw(l.lock_shared(20s));
                inside->fetch_add(1);
                const Deadline enough = 20ms;
                while (inside->load() < 2 && !enough.passed()) ::usleep(100);
                inside->fetch_sub(1);
            }
            return true;
        });
    auto l = or_throw(FileLock::open(dir / "l", {.fair = true}));
    bool good = true;
    for (int i = 0; good && i < 10; ++i) {
        for (Deadline soon = 5s; inside->load() == 0 && !soon.passed();) ::usleep(100);
        good = l.lock(5s).has_value();
    }
    EXPECT_TRUE(good);
    over->store(1);
    for (auto& r : readers) EXPECT_TRUE(r.ok());
}

TEST(FileLock, a_dead_waiter_holds_up_nobody) {
    const test::TempDir dir;
    const auto fair = [&] { return or_throw(FileLock::open(dir / "l", {.fair = true})); };
    auto reader = fair(), second = fair();
    const auto first = or_throw(reader.lock_shared());
    test::Child writer([&] { return fair().lock(20s).has_value(); });
    for (Deadline soon = 5s; second.lock_shared(Deadline::now()) && !soon.passed();) ::usleep(1000);
    writer.kill();
    EXPECT_TRUE(second.lock_shared(10s).has_value());
}

TEST(FileLock, what_cannot_be_fair_is_refused) {
    const test::TempDir dir;
    WYE_EXPECT_ERRC(Errc::unsupported, FileLock::open(dir / "l", {.fair = true, .range = ByteRange{}}));
    WYE_EXPECT_ERRC(Errc::mismatch, FileLock::open(dir.path(), {.fair = true}));
}

TEST_P(FileLockTest, a_network_file_system_is_refused_by_its_name_unless_asked_for) {
    constexpr std::pair<long, const char*> kinds[] = {{0x6969, "(NFS)"},
                                                      {0xFF534D42, "(CIFS)"},
                                                      {0x65735546, "(FUSE)"},
                                                      {0x01021997, "(9P)"},
                                                      {0x00C36400, "(Ceph)"}};
    for (const auto& [type, name] : kinds) {
        const sys::Inject there{{.call = sys::Call::statfs, .times = 9, .answer = type}};
        const auto r = FileLock::open(path, kind(GetParam()));
        WYE_EXPECT_ERRC(Errc::unsupported, r);
        EXPECT_TRUE(!r && r.error().message().find(name) != std::string::npos) << name;
        EXPECT_FALSE(std::filesystem::exists(path)) << "made, and left";
        WYE_EXPECT_ERRC(Errc::unsupported, FileLock::open(path, {.remote = true, .fair = true}));
    }
    auto asked = kind(GetParam());
    asked.remote = true;
    const sys::Inject there{{.call = sys::Call::statfs, .times = 9, .answer = 0x6969}};
    EXPECT_TRUE(or_throw(FileLock::open(path, asked)).lock(Deadline::now()).has_value());
}

TEST(FileLock, a_directory_can_be_locked_and_a_wait_burns_no_time) {
    const test::TempDir dir;
    auto a = or_throw(FileLock::open(dir.path())), b = or_throw(FileLock::open(dir.path()));
    const auto held = or_throw(a.lock());
    const auto before = test::cpu_time();
    WYE_EXPECT_ERRC(Errc::timed_out, b.lock(300ms));
    EXPECT_LT(test::cpu_time() - before, 100ms);
}

TEST(FileLock, no_locks_left_is_exhausted_and_nothing_is_held) {
    const test::TempDir dir;
    auto a = or_throw(FileLock::open(dir / "l"));
    {
        const sys::Inject fault{{.call = sys::Call::flock, .error = ENOLCK}};
        WYE_EXPECT_ERRC(Errc::exhausted, a.lock(Deadline::now()));
    }
    EXPECT_TRUE(a.lock(Deadline::now()).has_value());
}

}  // namespace
