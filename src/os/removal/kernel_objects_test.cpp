// Queues, segments and sets: removed and put back in an IPC namespace of the test's own.
#include "os/inject.hpp"
#include "os/removal/queue.hpp"
#include "os/removal/sysv.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

namespace wye::sys {
namespace {

bool write_file(const char* path, const std::string& text) {
    std::ofstream out(path);
    out << text << std::flush;
    return out.good();
}

// As root of a user namespace where this user is not root itself.
bool own_ipc() {
    if (::geteuid() == 0) return ::unshare(CLONE_NEWIPC) == 0;
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    return ::unshare(CLONE_NEWUSER | CLONE_NEWIPC) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", "0 " + user + " 1") &&
           write_file("/proc/self/gid_map", "0 " + group + " 1");
}

// The body in a child with an IPC namespace of its own; skipped where there can be none.
void in_own_ipc(const std::function<void(int store)>& body) {
    test::TempDir kept;
    test::Child child([&] {
        if (!own_ipc()) ::_exit(77);
        const int store = ::open(kept.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        body(store);
        return !::testing::Test::HasFailure();
    });
    const bool ok = child.ok(std::chrono::seconds(50));
    if (child.exit_code() == 77) GTEST_SKIP() << "no IPC namespace for this user";
    EXPECT_TRUE(ok);
}

// ---- POSIX queues

struct Sent {
    std::string text;
    unsigned priority;
    bool operator==(const Sent&) const = default;
};
const std::vector<Sent> sent{{"first", 1}, {"urgent", 9}, {"", 1}, {"last of them", 0}, {"x", 1}};
// By priority, and of one priority in the order they were sent.
const std::vector<Sent> in_order{{"urgent", 9}, {"first", 1}, {"", 1}, {"x", 1}, {"last of them", 0}};

void make_queue() {
    mq_attr a{};
    a.mq_maxmsg = 8, a.mq_msgsize = 64;
    const auto q = ::mq_open("/q", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0640, &a);
    ASSERT_GE(q, 0) << std::strerror(errno);
    for (const auto& m : sent) ASSERT_EQ(::mq_send(q, m.text.data(), m.text.size(), m.priority), 0);
    ::mq_close(q);
}

std::vector<Sent> received() {
    std::vector<Sent> all;
    const auto q = ::mq_open("/q", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (q < 0) return all;
    char text[64];
    unsigned priority = 0;
    for (ssize_t n = 0; (n = ::mq_receive(q, text, sizeof text, &priority)) >= 0;)
        all.push_back({std::string(text, static_cast<std::size_t>(n)), priority});
    ::mq_close(q);
    return all;
}

Relic queue_relic() {
    auto r = find_queue("/q");
    EXPECT_TRUE(r) << r.error().message();
    r->contents = "0";
    return *r;
}

TEST(RemovalOfQueues, AQueueGoesAndComesBackWithItsMessages) {
    in_own_ipc([](int store) {
        make_queue();
        const auto r = queue_relic();
        WYE_ASSERT_OK(remove_queue(r, store));
        EXPECT_LT(::mq_open("/q", O_RDONLY), 0);
        WYE_ASSERT_OK(put_back(r, store));
        const auto q = ::mq_open("/q", O_RDONLY | O_CLOEXEC);
        mq_attr a{};
        ::mq_getattr(q, &a);
        struct stat s{};
        ::fstat(q, &s);
        ::mq_close(q);
        EXPECT_EQ(a.mq_maxmsg, 8);
        EXPECT_EQ(a.mq_msgsize, 64);
        EXPECT_EQ(s.st_mode & 0777, 0640u);
        EXPECT_EQ(received(), in_order);
    });
}

TEST(RemovalOfQueues, WhatSomebodyHasStaysAsItIs) {
    in_own_ipc([](int store) {
        make_queue();
        const auto r = queue_relic();
        const auto q = ::mq_open("/q", O_RDONLY | O_CLOEXEC);
        WYE_EXPECT_ERRC(Errc::busy, remove_queue(r, store));
        ::mq_close(q);
        EXPECT_EQ(received(), in_order);
    });
}

std::function<void()> in_the_middle;

// When it is emptied already: the messages are there again before he who waits for it has it.
TEST(RemovalOfQueues, WhoComesInTheMiddleFindsItWithItsMessages) {
    in_own_ipc([](int store) {
        make_queue();
        const auto r = queue_relic();
        ::signal(SIGUSR1, [](int) { in_the_middle(); });
        long early = 0;
        in_the_middle = [&] { early = ::mq_open("/q", O_RDONLY | O_NONBLOCK) < 0 ? errno : 0; };
        {
            const Inject late{{.call = Call::ppoll, .nth = 1, .signal = SIGUSR1}};
            WYE_EXPECT_ERRC(Errc::busy, remove_queue(r, store));
            EXPECT_EQ(late.hits(), 1u);
        }
        EXPECT_EQ(early, EWOULDBLOCK);
        EXPECT_EQ(received(), in_order);
    });
}

// He waits with the directory locked, for which the removal waits in turn: not for the 45 s after which a lease is
// taken away.
TEST(RemovalOfQueues, WhoComesInTheLastMomentIsToldOfAndKeepsNobodyWaiting) {
    const auto began = std::chrono::steady_clock::now();
    in_own_ipc([](int store) {
        make_queue();
        const auto r = queue_relic();
        ::signal(SIGUSR1, [](int) { in_the_middle(); });
        std::atomic<bool> now{false};
        const std::jthread user([&now] {
            while (!now) ::usleep(100);
            EXPECT_GE(::mq_open("/q", O_RDONLY | O_CLOEXEC), 0) << std::strerror(errno);
        });
        in_the_middle = [&now] {
            now = true;
            ::usleep(50'000);
        };
        const Inject late{{.call = Call::mq_unlink, .nth = 1, .signal = SIGUSR1}};
        WYE_EXPECT_ERRC(Errc::failed, remove_queue(r, store));
        EXPECT_EQ(late.hits(), 1u);
    });
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST(RemovalOfQueues, ANewOneOfItsNameIsNeverOverwritten) {
    in_own_ipc([](int store) {
        make_queue();
        const auto r = queue_relic();
        WYE_ASSERT_OK(remove_queue(r, store));
        mq_attr a{};
        a.mq_maxmsg = 2, a.mq_msgsize = 8;
        const auto q = ::mq_open("/q", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, &a);
        ::mq_close(q);
        WYE_EXPECT_ERRC(Errc::already_exists, put_back(r, store));
        ::mq_unlink("/q");
        WYE_ASSERT_OK(put_back(r, store));
        EXPECT_EQ(received(), in_order);
    });
}

Relic staged(int store) {
    ::mq_unlink("/q");
    ::unlinkat(store, "0", 0);
    make_queue();
    return queue_relic();
}
// Its first `stops` entries into and returns from system calls.
void killed_at(long stops, const std::function<void()>& body) {
    test::Stepped victim([] {}, body);
    victim.step_calls(stops);
}

TEST(RemovalOfQueues, AKillAtAnySystemCallLosesNoMessage) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    in_own_ipc([](int store) {
        auto r = staged(store);
        const long removal = test::calls([] {}, [&] { (void)remove_queue(r, store); });
        ASSERT_GT(removal, 40);
        for (long at = 0; at <= removal; ++at) {
            r = staged(store);
            killed_at(at, [&] { (void)remove_queue(r, store); });
            const auto back = put_back(r, store);
            ASSERT_TRUE(back) << "killed at stop " << at << ": " << back.error().message();
            ASSERT_EQ(received(), in_order) << "killed at stop " << at;
        }
    });
}

// From a queue that is half empty, and from none.
TEST(RemovalOfQueues, NorDoesAKillOfWhoPutsItBack) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    in_own_ipc([](int store) {
        auto r = staged(store);
        const long removal = test::calls([] {}, [&] { (void)remove_queue(r, store); });
        for (const long died : {removal / 2, removal}) {
            r = staged(store);
            killed_at(died, [&] { (void)remove_queue(r, store); });
            const long all = test::calls([] {}, [&] { (void)put_back(r, store); });
            for (long at = 0; at <= all; ++at) {
                r = staged(store);
                killed_at(died, [&] { (void)remove_queue(r, store); });
                killed_at(at, [&] { (void)put_back(r, store); });
                const auto back = put_back(r, store);
                const auto where = std::to_string(died) + ", then " + std::to_string(at);
                // Made, and not yet known to be ours: said, and all of it is kept.
                if (!back && back.error().is(Errc::already_exists)) {
                    EXPECT_TRUE(received().empty()) << where;
                    ::mq_unlink("/q");
                    WYE_ASSERT_OK(put_back(r, store));
                } else {
                    ASSERT_TRUE(back) << where << ": " << back.error().message();
                }
                ASSERT_EQ(received(), in_order) << where;
            }
        }
    });
}

// ---- many at once

constexpr int queues = 20;
std::string nth(unsigned n) { return "/r" + std::to_string(n % queues); }

struct Tally {
    std::atomic<unsigned> opened{0}, removed{0}, left{0}, told{0}, ghosts{0};
    std::atomic<bool> over{false};
};

// Opens a queue, or makes it where there is none, and looks whether it has its name a moment later.
bool use_queues(Tally& t, unsigned seed) {
    while (!t.over) {
        ::usleep(static_cast<useconds_t>(::rand_r(&seed) % 4000));
        mq_attr a{};
        a.mq_maxmsg = 2, a.mq_msgsize = 16;
        const auto q =
            ::mq_open(nth(static_cast<unsigned>(::rand_r(&seed))).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600, &a);
        if (q < 0) continue;
        ++t.opened;
        ::usleep(3000);
        struct stat s{};
        ::fstat(q, &s);
        if (s.st_nlink == 0) ++t.ghosts;
        ::mq_close(q);
    }
    return true;
}

TEST(RemovalOfQueues, WhoGetsOneWithoutANameIsToldOf) {
    in_own_ipc([](int store) {
        const test::Shared<Tally> t;
        std::vector<test::Child> users;
        for (unsigned n = 0; n < 16; ++n) users.emplace_back([&, n] { return use_queues(*t, n * 7919 + 1); });
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(4);
        for (unsigned n = 0; std::chrono::steady_clock::now() < end; ++n) {
            const auto r = find_queue(nth(n));
            if (!r) continue;
            const auto gone = remove_queue(*r, store);
            ++(gone ? t->removed : gone.error().is(Errc::failed) ? t->told : t->left);
        }
        t->over = true;
        for (auto& u : users) EXPECT_TRUE(u.ok());
        std::printf("opened %u, removed %u, left %u, told of %u, without a name %u\n", t->opened.load(),
                    t->removed.load(), t->left.load(), t->told.load(), t->ghosts.load());
        EXPECT_GT(t->removed, 0u);
        EXPECT_TRUE(t->ghosts == 0 || t->told > 0);
    });
}

// ---- System V

Relic sysv_relic(RelicKind what, int id) {
    auto r = find_sysv(what, id);
    EXPECT_TRUE(r) << r.error().message();
    r->contents = "0";
    return *r;
}
bool may_choose_ids() { return ::access("/proc/sys/kernel/shm_next_id", W_OK) == 0; }

TEST(RemovalOfSegments, ASegmentGoesAndComesBackWithItsContentsAndId) {
    in_own_ipc([](int store) {
        for (const auto key : {0x51, IPC_PRIVATE}) {
            ::shmget(0x77, 4096, IPC_CREAT | 0600);  // so that the id is not the first
            const int id = ::shmget(key, 1 << 20, IPC_CREAT | 0640);
            auto* at = static_cast<char*>(::shmat(id, nullptr, 0));
            std::strcpy(at + 700'000, "deep inside");
            ::shmdt(at);
            const auto r = sysv_relic(RelicKind::segment, id);
            WYE_ASSERT_OK(remove_sysv(r, store));
            EXPECT_EQ(::shmat(id, nullptr, 0), reinterpret_cast<void*>(-1));
            const auto back = put_back(r, store);
            WYE_ASSERT_OK(back);
            const int again = key == IPC_PRIVATE ? id : ::shmget(key, 0, 0);
            if (may_choose_ids()) {
                EXPECT_EQ(again, id);
            }
            at = static_cast<char*>(::shmat(again, nullptr, SHM_RDONLY));
            ASSERT_NE(at, reinterpret_cast<char*>(-1));
            EXPECT_STREQ(at + 700'000, "deep inside");
            ::shmdt(at);
            shmid_ds d{};
            ::shmctl(again, IPC_STAT, &d);
            EXPECT_EQ(d.shm_perm.mode & 0777, 0640);
            ::unlinkat(store, "0", 0);
        }
    });
}

// Copying what it does not have would make it have it: its memory is what is to be freed.
TEST(RemovalOfSegments, PagesThatItNeverHadAreNotMade) {
    in_own_ipc([](int store) {
        const int id = ::shmget(IPC_PRIVATE, std::size_t{256} << 20, IPC_CREAT | 0600);
        auto* at = static_cast<char*>(::shmat(id, nullptr, 0));
        at[100 << 20] = 'x';
        ::shmdt(at);
        WYE_ASSERT_OK(remove_sysv(sysv_relic(RelicKind::segment, id), store));
        struct stat s{};
        ::fstatat(store, "0", &s, 0);
        EXPECT_EQ(s.st_size, 256 << 20);
        EXPECT_LT(s.st_blocks * 512, 1 << 20);
    });
}

TEST(RemovalOfSegments, WhoAttachesItStaysAttached) {
    in_own_ipc([](int store) {
        const int id = ::shmget(0x51, 4096, IPC_CREAT | 0600);
        const auto r = sysv_relic(RelicKind::segment, id);
        void* at = ::shmat(id, nullptr, 0);
        WYE_EXPECT_ERRC(Errc::busy, remove_sysv(r, store));
        ::shmdt(at);
        // In the middle of it: before its contents have their name.
        ::signal(SIGUSR1, [](int) { in_the_middle(); });
        in_the_middle = [&] { at = ::shmat(id, nullptr, 0); };
        const Inject late{{.call = Call::rename, .nth = 1, .signal = SIGUSR1}};
        WYE_EXPECT_ERRC(Errc::busy, remove_sysv(r, store));
        EXPECT_EQ(late.hits(), 1u);
        EXPECT_EQ(::shmget(0x51, 0, 0), id);
    });
}

TEST(RemovalOfSets, ASetGoesAndComesBackWithItsValues) {
    in_own_ipc([](int store) {
        const int id = ::semget(0x52, 3, IPC_CREAT | 0600);
        unsigned short values[] = {7, 0, 32767}, again[3] = {};
        ::semctl(id, 0, SETALL, values);
        const auto r = sysv_relic(RelicKind::set, id);
        WYE_ASSERT_OK(remove_sysv(r, store));
        EXPECT_LT(::semget(0x52, 0, 0), 0);
        WYE_ASSERT_OK(put_back(r, store));
        const int back = ::semget(0x52, 0, 0);
        if (may_choose_ids()) {
            EXPECT_EQ(back, id);
        }
        ::semctl(back, 0, GETALL, again);
        EXPECT_EQ(std::memcmp(values, again, sizeof values), 0);
    });
}

TEST(RemovalOfSets, OneThatIsUsedMeanwhileStays) {
    in_own_ipc([](int store) {
        const int id = ::semget(0x52, 1, IPC_CREAT | 0600);
        const auto r = sysv_relic(RelicKind::set, id);
        ::signal(SIGUSR1, [](int) { in_the_middle(); });
        in_the_middle = [&] {
            sembuf up{.sem_num = 0, .sem_op = 1, .sem_flg = 0};
            ::semop(id, &up, 1);
        };
        const Inject late{{.call = Call::rename, .nth = 1, .signal = SIGUSR1}};
        WYE_EXPECT_ERRC(Errc::busy, remove_sysv(r, store));
        EXPECT_EQ(late.hits(), 1u);
        EXPECT_EQ(::semget(0x52, 0, 0), id);
    });
}

struct Message {
    long type;
    char text[3000];
};

TEST(RemovalOfSysvQueues, AQueueGoesAndComesBackWithItsMessages) {
    in_own_ipc([](int store) {
        const int id = ::msgget(0x53, IPC_CREAT | 0600);
        for (const auto& [type, size] : {std::pair(5L, 3000), {2L, 0}, {5L, 17}}) {
            Message m{.type = type, .text = {}};
            std::memset(m.text, 'a' + static_cast<char>(type), sizeof m.text);
            ASSERT_EQ(::msgsnd(id, &m, static_cast<std::size_t>(size), 0), 0);
        }
        const auto r = sysv_relic(RelicKind::messages, id);
        const auto gone = remove_sysv(r, store);
        if (!gone && gone.error().is(Errc::unsupported)) ::_exit(77);
        WYE_ASSERT_OK(gone);
        EXPECT_LT(::msgget(0x53, 0), 0);
        WYE_ASSERT_OK(put_back(r, store));
        const int back = ::msgget(0x53, 0);
        if (may_choose_ids()) {
            EXPECT_EQ(back, id);
        }
        for (const auto& [type, size] : {std::pair(5L, 3000), {2L, 0}, {5L, 17}}) {
            Message m{};
            ASSERT_EQ(::msgrcv(back, &m, sizeof m.text, 0, IPC_NOWAIT), size);
            EXPECT_EQ(m.type, type);
            if (size > 0) {
                EXPECT_EQ(m.text[size - 1], 'a' + static_cast<char>(type));
            }
        }
    });
}

TEST(RemovalOfSysvQueues, ANewOneOfItsKeyIsNeverTouched) {
    in_own_ipc([](int store) {
        const int id = ::msgget(0x53, IPC_CREAT | 0600);
        const auto r = sysv_relic(RelicKind::messages, id);
        WYE_ASSERT_OK(remove_sysv(r, store));
        WYE_EXPECT_ERRC(Errc::mismatch, [&] {
            auto other = r;
            other.id = ::msgget(0x53, IPC_CREAT | 0600);
            other.changed -= 5'000'000'000;
            return remove_sysv(other, store);
        }());
        WYE_EXPECT_ERRC(Errc::already_exists, put_back(r, store));
    });
}

}  // namespace
}  // namespace wye::sys
