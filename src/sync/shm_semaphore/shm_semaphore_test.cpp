#include "wye/sync/shm_semaphore.hpp"

#include "wye/registry/open.hpp"

#include "support/pids.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

/// A name, and the semaphore of it removed at the end.
struct Named {
    std::string name = unique_name("sem");
    ~Named() {
        (void)shm_semaphore_mechanism.remove(uri(), {});
        ::rmdir(path().substr(0, path().rfind('/')).c_str());  // where a test removed the file by hand
    }
    Uri uri() const { return or_throw(Uri::parse("shm-sem:" + name)); }
    ShmSemaphore open(unsigned initial = 1, Create create = Create::if_missing) const {
        return or_throw(ShmSemaphore::open(name, {{.create = create, .initial = initial}}));
    }
    std::string path() const { return "/dev/shm/wye-" + std::to_string(::geteuid()) + "/sem." + name; }
};

/// A word that the children of a test share with it.
struct SharedWord {
    std::atomic<int>* at = static_cast<std::atomic<int>*>(
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ~SharedWord() { ::munmap(at, 4096); }
    bool reaches(int n) const {
        for (int i = 0; i < 10'000 && *at < n; ++i) std::this_thread::sleep_for(1ms);
        return *at >= n;
    }
};

// So many that each test stays under a few seconds also where a sanitizer makes ten instructions of one.
long stride(long all, long most) { return std::max(1l, all / std::clamp(800'000 / std::max(all, 1l), 8l, most)); }

TEST(ShmSemaphore, counts) {
    const Named n;
    auto s = n.open(2);
    EXPECT_EQ(or_throw(s.value()), 2u);
    auto a = or_throw(s.acquire());
    auto b = or_throw(s.acquire());
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(Deadline::now()));
    WYE_ASSERT_OK(a.release());
    a = or_throw(s.acquire(Deadline::now()));
    EXPECT_EQ(or_throw(s.value()), 0u);
    { const auto gone = std::move(b); }
    EXPECT_EQ(or_throw(s.value()), 1u);
}

TEST(ShmSemaphore, who_looks_sees_its_units_and_who_holds_them_and_changes_nothing) {
    const Named n;
    auto s = n.open(3);
    const auto one = or_throw(s.acquire()), two = or_throw(s.acquire());
    WYE_ASSERT_OK(s.post());
    WYE_ASSERT_OK(s.wait());
    const auto seen = or_throw(inspect("shm-sem:" + n.name));
    const auto fact = [](const Inspection::Facts& all, std::string_view name) {
        for (const auto& [key, value] : all)
            if (key == name) return std::get<std::uint64_t>(value);
        return UINT64_MAX;
    };
    EXPECT_EQ(fact(seen.facts, "units"), 3u);
    EXPECT_EQ(fact(seen.facts, "free"), 1u);
    EXPECT_EQ(fact(seen.facts, "capacity"), 64u);
    ASSERT_EQ(seen.parts.size(), 1u);
    EXPECT_EQ(fact(seen.parts[0].facts, "held"), 2u);
    EXPECT_EQ(fact(seen.parts[0].facts, "pid"), static_cast<std::uint64_t>(::getpid()));
    EXPECT_EQ(or_throw(s.value()), 1u);
    WYE_EXPECT_ERRC(Errc::not_found, inspect("shm-sem:" + n.name + "-other"));
}

TEST(ShmSemaphore, post_ends_at_its_capacity_and_wait_takes_for_good) {
    const Named n;
    auto s = or_throw(ShmSemaphore::open(n.name, {{.create = Create::exclusive, .initial = 0}, 64}));
    for (unsigned i = 0; i < s.capacity(); ++i) WYE_ASSERT_OK(s.post());
    WYE_EXPECT_ERRC(Errc::exhausted, s.post());
    for (unsigned i = 0; i < s.capacity(); ++i) WYE_ASSERT_OK(s.wait(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait(Deadline::now()));
}

TEST(ShmSemaphore, a_sleeper_is_woken_by_a_post_and_by_a_permit_that_is_given_back) {
    const Named n;
    auto s = n.open(0);
    SharedWord got;
    Child child([&] {
        auto mine = n.open();
        for (int i = 0; i < 200; ++i) {
            if (!mine.wait(10s)) return false;
            got.at->fetch_add(1);
        }
        return true;
    });
    for (int i = 1; i <= 200; ++i) {
        WYE_ASSERT_OK(s.post());
        ASSERT_TRUE(got.reaches(i));
    }
    EXPECT_TRUE(child.ok());
}

TEST(ShmSemaphore, never_more_holders_than_units_among_processes_and_threads) {
    const Named n;
    auto s = n.open(3);
    SharedWord inside, worst, done;
    std::vector<Child> children;
    const auto work = [&](ShmSemaphore& mine) {
        for (int i = 0; i < 3000; ++i) {
            const auto p = mine.acquire(20s);
            if (!p) return false;
            const int now = inside.at->fetch_add(1) + 1;
            for (int w = *worst.at; now > w && !worst.at->compare_exchange_weak(w, now);) {}
            inside.at->fetch_sub(1);
        }
        return true;
    };
    for (int c = 0; c < 4; ++c)
        children.emplace_back([&] {
            auto mine = n.open();
            std::atomic<bool> good = true;
            std::thread second([&] { good = good && work(mine); });
            const bool first = work(mine);
            second.join();
            return first && good;
        });
    for (auto& c : children) EXPECT_TRUE(c.ok());
    EXPECT_LE(*worst.at, 3);
    EXPECT_EQ(or_throw(s.value()), 3u);
}

TEST(ShmSemaphore, a_killed_holders_permit_comes_back_also_to_who_sleeps_already) {
    const Named n;
    auto s = n.open(1);
    SharedWord holds;
    Child holder([&] {
        auto mine = n.open();
        const auto p = mine.acquire();
        holds.at->store(1);
        ::pause();
        return p.has_value();
    });
    ASSERT_TRUE(holds.reaches(1));
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(120ms));  // slow is not dead
    holder.signal(SIGSTOP);
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(120ms));  // and stopped neither
    std::thread killer([&] {
        std::this_thread::sleep_for(30ms);
        holder.kill();
    });
    EXPECT_TRUE(s.acquire(10s).has_value());
    killer.join();
}

TEST(ShmSemaphore, a_child_of_the_holder_does_not_keep_the_permit_alive) {
    const Named n;
    auto s = n.open(1);
    SharedWord holds;
    Child holder([&] {
        auto mine = n.open();
        auto p = or_throw(mine.acquire());
        if (::fork() == 0) {
            const bool dead = !p.release().has_value() || or_throw(mine.value()) == 0;  // gives nothing back
            WYE_EXPECT_ERRC(Errc::unsupported, mine.acquire(Deadline::now()));
            WYE_EXPECT_ERRC(Errc::unsupported, mine.wait());  // it would find no dead holder
            holds.at->store(dead && !::testing::Test::HasFailure() ? 1 : 2);
            ::sleep(3);
            ::_exit(0);
        }
        ::pause();
        return true;
    });
    ASSERT_TRUE(holds.reaches(1));
    EXPECT_EQ(*holds.at, 1);
    holder.kill();
    EXPECT_TRUE(s.acquire(2s).has_value());
}

// R11: the numbers of two pid namespaces say nothing of each other; locks do.
TEST(ShmSemaphore, a_holder_in_another_pid_namespace_is_alive_until_it_is_dead) {
    if (!may_have_own_pids()) GTEST_SKIP() << "no pid namespace of our own here";
    const Named n;
    auto s = n.open(1);
    const Gate held, die;
    Child there([&] {
        return in_own_pids([&] {
            auto theirs = n.open();
            const auto permit = or_throw(theirs.acquire());
            return held.open() && die.wait() && ::raise(SIGKILL) == 0;
        });
    });
    ASSERT_TRUE(held.wait());
    for (int i = 0; i < 3; ++i) WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(60ms));
    die.open();
    EXPECT_TRUE(s.acquire(10s).has_value());
    EXPECT_FALSE(there.ok()) << "it was killed";
}

TEST(ShmSemaphore, a_holder_killed_at_any_instruction_leaves_nobody_stuck_and_no_unit_lost) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const Named n;
    auto s = n.open(1);
    std::optional<ShmSemaphore> mine;
    const auto before = [&] { mine.emplace(n.open()); };
    const auto body = [&] { auto p = mine->acquire(Deadline::now()); };
    const long all = instructions(before, body);
    ASSERT_GT(all, 50);
    for (long i = 0; i < all; i += stride(all, 400)) {
        Stepped victim(before, body);
        victim.step(i);
        victim.kill();
        auto p = s.acquire(2s);
        ASSERT_TRUE(p.has_value()) << "killed at instruction " << i << " of " << all;
        WYE_ASSERT_OK(p->release());
        ASSERT_EQ(or_throw(s.value()), 1u) << "killed at instruction " << i;
    }
}

TEST(ShmSemaphore, a_holder_stopped_at_any_instruction_shares_its_unit_with_nobody) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const Named n;
    auto s = n.open(1);
    SharedWord got;
    std::optional<ShmSemaphore> mine;
    std::optional<Permit> held;
    const auto before = [&] { mine.emplace(n.open()); };
    const auto body = [&] {
        if (auto p = mine->acquire(Deadline::now())) held = std::move(*p), got.at->store(1);
    };
    const long all = instructions(before, body);
    for (long i = 0; i < all; i += stride(all, 120)) {
        got.at->store(0);
        Stepped slow(before, body);
        slow.step(i);
        {
            const auto p = s.acquire(Deadline::now());
            slow.finish();
            ASSERT_NE(p.has_value(), *got.at == 1) << "stopped at instruction " << i;
        }
        slow.kill();
        ASSERT_TRUE(s.acquire(2s).has_value());
    }
}

TEST(ShmSemaphore, a_repair_that_is_killed_is_done_by_the_next) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const Named n;
    auto s = n.open(1);
    std::optional<ShmSemaphore> mine;
    std::optional<Permit> held;
    const auto open = [&] { mine.emplace(n.open()); };
    const auto take = [&] { held = or_throw(mine->acquire()); };
    const auto retake = [&] { auto p = mine->acquire(Deadline::now()); };
    const auto repair_up_to = [&](long j) {
        std::optional<Stepped> holder(std::in_place, [&] { open(), take(); }, [] {});
        Stepped repairer(open, retake);
        holder.reset();  // dead, with the unit
        return repairer.step(j);
    };
    const long all = repair_up_to(10'000'000);
    for (long j = 0; j < all; j += stride(all, 60)) {
        repair_up_to(j);
        ASSERT_TRUE(s.acquire(2s).has_value()) << "the repair killed at instruction " << j;
    }
}

TEST(ShmSemaphore, removing_it_ends_every_wait_and_a_new_one_is_another) {
    const Named n;
    auto s = n.open(0);
    SharedWord waits;
    Child child([&] {
        auto mine = n.open();
        waits.at->store(1);
        const auto p = mine.acquire(10s);
        return !p && p.error().is(Errc::closed);
    });
    ASSERT_TRUE(waits.reaches(1));
    std::this_thread::sleep_for(20ms);
    WYE_ASSERT_OK(shm_semaphore_mechanism.remove(n.uri(), {}));
    EXPECT_TRUE(child.ok());
    WYE_EXPECT_ERRC(Errc::closed, s.acquire(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::closed, s.post());
    WYE_EXPECT_ERRC(Errc::not_found, ShmSemaphore::open(n.name));
    WYE_EXPECT_ERRC(Errc::not_found, shm_semaphore_mechanism.remove(n.uri(), {}));
    auto second = n.open(5);
    EXPECT_EQ(or_throw(second.value()), 5u);
    EXPECT_EQ(or_throw(s.value()), 0u);
}

TEST(ShmSemaphore, creators_at_once_make_one) {
    for (int round = 0; round < 20; ++round) {
        const Named n;
        SharedWord exclusive, sum;
        std::vector<Child> children;
        for (int c = 0; c < 4; ++c)
            children.emplace_back([&] {
                if (ShmSemaphore::open(n.name, {{.create = Create::exclusive}})) exclusive.at->fetch_add(1);
                auto s = n.open(7);
                sum.at->fetch_add(s.wait(Deadline::now()).has_value());
                return true;
            });
        for (auto& c : children) EXPECT_TRUE(c.ok());
        EXPECT_EQ(*exclusive.at, 1);
        EXPECT_EQ(*sum.at, 1);  // its one unit, whoever made it
    }
}

TEST(ShmSemaphore, a_creator_killed_at_any_system_call_leaves_all_of_it_or_nothing) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const Named n;
    const auto make = [&] { (void)ShmSemaphore::open(n.name, {{.create = Create::exclusive, .initial = 3}}); };
    const long all = calls([] {}, make);
    ASSERT_GT(all, 20);
    (void)shm_semaphore_mechanism.remove(n.uri(), {});
    for (long i = 0; i < all; ++i) {
        Stepped victim([] {}, make);
        victim.step_calls(i);
        victim.kill();
        auto s = n.open(3);
        ASSERT_EQ(or_throw(s.value()), 3u) << "killed at stop " << i;
        WYE_ASSERT_OK(shm_semaphore_mechanism.remove(n.uri(), {}));
    }
}

TEST(ShmSemaphore, places_of_the_dead_are_taken_again) {
    const Named n;
    auto s = n.open(1);
    for (int i = 0; i < 300; ++i) {  // more than there are places
        Child child([&] {
            auto mine = n.open();
            auto p = or_throw(mine.acquire());
            ::kill(::getpid(), SIGKILL);
            return false;
        });
        EXPECT_FALSE(child.ok());
        if (i % 50 == 0) {
            ASSERT_TRUE(s.acquire(2s).has_value());
        }
    }
    EXPECT_TRUE(s.acquire(2s).has_value());
}

TEST(ShmSemaphore, more_participants_than_places_are_told) {
    const Named n;
    std::vector<ShmSemaphore> all;
    all.push_back(n.open());
    while (all.size() < 256) all.push_back(n.open());
    WYE_EXPECT_ERRC(Errc::exhausted, ShmSemaphore::open(n.name));
    all.pop_back();
    WYE_ASSERT_OK(ShmSemaphore::open(n.name));
}

TEST(ShmSemaphore, who_found_no_place_does_not_free_anothers) {
    const Named n;
    SharedWord holds;
    Child holder([&] {  // in the first place
        auto mine = n.open();
        const auto p = mine.acquire();
        holds.at->store(1);
        ::pause();
        return p.has_value();
    });
    ASSERT_TRUE(holds.reaches(1));
    std::vector<ShmSemaphore> all;
    while (all.size() < 255) all.push_back(n.open());
    WYE_EXPECT_ERRC(Errc::exhausted, ShmSemaphore::open(n.name));
    holder.kill();
    EXPECT_TRUE(all.front().acquire(2s).has_value());
}

TEST(ShmSemaphore, what_is_no_semaphore_of_ours_is_refused_and_left_alone) {
    const Named n;
    { auto s = n.open(); }
    const auto spoil = [&](off_t at, char c) {
        std::fstream f(n.path(), std::ios::in | std::ios::out | std::ios::binary);
        f.seekg(at);
        const char was = static_cast<char>(f.get());
        f.seekp(at);
        f.put(c);
        return was;
    };
    for (const off_t at : {0, 8, 12, 24, 32, 36}) {  // magic, layout, kind, size, participants, capacity
        const char was = spoil(at, 'X');
        WYE_EXPECT_ERRC(Errc::mismatch, ShmSemaphore::open(n.name));
        spoil(at, was);
    }
    WYE_ASSERT_OK(ShmSemaphore::open(n.name));
    ASSERT_EQ(::truncate(n.path().c_str(), 10), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, ShmSemaphore::open(n.name));
    ASSERT_EQ(::unlink(n.path().c_str()), 0);
    ASSERT_EQ(::mkfifo(n.path().c_str(), 0600), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, ShmSemaphore::open(n.name));
    ASSERT_EQ(::unlink(n.path().c_str()), 0);
    ASSERT_EQ(::symlink("/etc/passwd", n.path().c_str()), 0);
    EXPECT_FALSE(ShmSemaphore::open(n.name).has_value());
    ASSERT_EQ(::unlink(n.path().c_str()), 0);
    WYE_EXPECT_ERRC(Errc::bad_address, ShmSemaphore::open("../x", {{.create = Create::if_missing}}));
}

TEST(ShmSemaphore, one_whose_file_was_cut_off_or_grew_is_refused_and_not_touched) {
    const Named n;
    (void)n.open(2);
    struct stat whole{};
    ASSERT_EQ(::stat(n.path().c_str(), &whole), 0);
    for (const off_t size : {whole.st_size - 4, whole.st_size / 2, off_t{200}, whole.st_size + 4096}) {
        ASSERT_EQ(::truncate(n.path().c_str(), size), 0);
        WYE_EXPECT_ERRC(Errc::mismatch, ShmSemaphore::open(n.name));
        WYE_EXPECT_ERRC(Errc::mismatch, inspect("shm-sem:" + n.name));
    }
    ASSERT_EQ(::truncate(n.path().c_str(), whole.st_size), 0);  // so that it can be removed
}

TEST(ShmSemaphore, a_full_dev_shm_is_said_when_it_is_made) {
    const Named n;
    const auto small = [] { return own_tmpfs("/dev/shm", "size=64k"); };
    if (!Child(small).ok()) GTEST_SKIP() << "a small /dev/shm takes a mount namespace";
    Child child([&] {
        if (!small()) return false;
        WYE_EXPECT_ERRC(Errc::exhausted, ShmSemaphore::open(n.name, {{.create = Create::if_missing}, 65536}));
        EXPECT_NE(::access(n.path().c_str(), F_OK), 0);
        EXPECT_TRUE(ShmSemaphore::open(n.name, {{.create = Create::if_missing}}).has_value());
        WYE_EXPECT_ERRC(Errc::already_exists, ShmSemaphore::open(n.name, {{.create = Create::exclusive}, 65536}));
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST(ShmSemaphore, a_uri_with_no_room_for_a_unit_is_refused) {
    for (const auto* max : {"0", "65537"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::make("shm-sem:x?max=" + std::string(max)));
}

TEST(ShmSemaphore, under_a_storm_of_signals) {
    const Named n;
    auto s = n.open(0);
    const EintrStorm storm;
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(100ms));
    WYE_ASSERT_OK(s.post());
    WYE_ASSERT_OK(s.acquire(1s));
}

}  // namespace
