// What a ring costs that nobody uses.
#include "support/together.hpp"
#include "transport/shm_ring/shm_ring_test.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

/// KiB of all mappings of files of that name that are resident.
long resident(const std::string& name) {
    std::ifstream maps("/proc/self/smaps");
    long all = 0;
    bool ours = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find('-') < line.find(' ') && line.find(':') > line.find(' '))
            ours = line.ends_with(name) || line.find(name + ' ') != std::string::npos;
        if (ours && line.starts_with("Pss:")) all += std::stol(line.substr(4));
    }
    return all;
}

long switches() {
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    return u.ru_nvcsw;
}

TEST(ShmIdle, a_thousand_open_rings_wake_nobody_and_take_128_KiB_each) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    struct Ends {
        NamedRing n;
        ShmWriter w;
        ShmReader r;
        explicit Ends(ShmShape made) : n(made), w(n.writer()), r(n.reader()) {}
    };
    const std::size_t many = files.rlim_max >= 4096 ? 1000 : files.rlim_max / 4;
    std::deque<Ends> all;
    for (std::size_t i = 0; i < many; ++i) {
        all.emplace_back(ShmShape{.shape = i % 2 == 0 ? Shape::stream : Shape::broadcast});
        auto& e = all.back();
        for (int k = 0; k < 3; ++k) {
            WYE_ASSERT_OK(e.w.send(bytes_of("used once")));
            ASSERT_EQ(receive(e.r), "used once");
        }
    }
    EXPECT_LE(resident("ring." + all.front().n.name), 2 * 128);  // of both of its ends, as one process sees them
    long kib = 0;
    for (const auto& e : all) {
        struct stat s{};
        ASSERT_EQ(::stat(e.n.path().c_str(), &s), 0);
        EXPECT_LE(s.st_blocks / 2, 128) << "i.e. in memory, whoever looks";
        kib += s.st_blocks / 2;
    }
    const auto before = switches();
    const auto busy = cpu_time();
    std::this_thread::sleep_for(1s);
    // The sleep itself is one; no thread of ours exists that could wake.
    EXPECT_LE(switches() - before, 1);
    EXPECT_LT(cpu_time() - busy, 20ms);
    std::printf("  %zu rings, %.1f KiB each\n", all.size(), static_cast<double>(kib) / static_cast<double>(all.size()));
}

TEST(ShmIdle, a_queue_as_it_is_made_by_default_takes_128_KiB) {
    const NamedRing n({.shape = Shape::queue});
    const auto p = n.producer();
    struct stat s{};
    ASSERT_EQ(::stat(n.path().c_str(), &s), 0);
    EXPECT_LE(s.st_blocks / 2, 128);
}

// The quickest of many: without a wake each would lie there until it looks by itself, which is 10 ms from its
// beginning.
TEST(ShmIdle, who_has_just_fallen_asleep_is_woken) {
    using Clock = std::chrono::steady_clock;
    for (const auto shape : {Shape::stream, Shape::broadcast, Shape::queue}) {
        const NamedRing n({.shape = shape});
        const Shared<std::atomic<int>> round;
        const Shared<std::atomic<std::int64_t>> sent, best;
        best->store(INT64_MAX);
        constexpr int rounds = 40;
        const auto hear = [&](auto end) {
            std::byte room[16];
            for (int i = 1; i <= rounds; ++i) {
                round->store(i);
                if (!end.recv(room, 10s)) return false;
                best->store(std::min(best->load(), Clock::now().time_since_epoch().count() - sent->load()));
            }
            return true;
        };
        Child other([&] { return shape == Shape::queue ? hear(n.worker()) : hear(n.reader()); });
        const auto say = [&](auto end) {
            for (int i = 1; i <= rounds; ++i) {
                for (const Deadline soon = 10s; round->load() < i && !soon.passed();) ::usleep(100);
                ::usleep(2000);  // it sleeps by now
                sent->store(Clock::now().time_since_epoch().count());
                WYE_ASSERT_OK(end.send(bytes_of("x"), 10s));
            }
        };
        if (shape == Shape::queue)
            say(n.producer());
        else
            say(n.writer());
        EXPECT_TRUE(other.ok());
        EXPECT_LT(best->load(), 3'000'000) << static_cast<int>(shape);
    }
}

TEST(ShmIdle, who_waits_for_long_sleeps) {
    for (const auto shape : {Shape::stream, Shape::broadcast, Shape::queue}) {
        const NamedRing n({.shape = shape});
        const auto waits = [&](auto end) {
            EXPECT_EQ(receive(end, 100ms), "error: timed_out");
            const auto before = switches();
            const auto busy = cpu_time();
            EXPECT_EQ(receive(end, 1s), "error: timed_out");
            EXPECT_LT(switches() - before, 10) << static_cast<int>(shape);
            EXPECT_LT(cpu_time() - busy, 50ms);
        };
        if (shape == Shape::queue) {
            const auto p = n.producer();
            waits(n.worker());
        } else {
            const auto w = n.writer();
            waits(n.reader());
        }
    }
}

}  // namespace
