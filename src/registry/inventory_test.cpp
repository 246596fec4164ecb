#include "registry/inventory.hpp"

#include "os/snapshot/snapshot.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace wye {
namespace {

using sys::FileKey;
using sys::SeenProcess;
using sys::Snapshot;

const Item* find(const Inventory& all, std::string_view kind, std::string_view name) {
    for (const auto& i : all.items)
        if (i.kind == kind && i.name == name) return &i;
    return nullptr;
}

SeenProcess process(int pid, std::uint64_t ipc = 1) {
    SeenProcess p{.pid = pid, .start = 100, .comm = "p" + std::to_string(pid), .readable = true};
    p.ns.ipc = ipc, p.ns.net = 1, p.ns.mnt = 1;
    return p;
}
void open_file(SeenProcess& p, int fd, FileKey key, std::uint32_t type, const std::string& target, unsigned flags = 2) {
    auto& f = p.fds.emplace_back();
    f.fd = fd, f.file.key = key, f.file.mode = type | 0600, f.target = target, f.info.flags = flags;
}
void attach(SeenProcess& p, unsigned key, std::uint64_t id, std::uint64_t at = 0x1000) {
    char name[40];
    std::snprintf(name, sizeof name, "/SYSV%08x (deleted)", key);
    p.maps.push_back({.start = at, .end = at + 4096, .write = true, .shared = true, .file = {1, id}, .name = name});
}
sys::SysvShmRow segment(int key, int id, std::uint64_t attaches) {
    sys::SysvShmRow r;
    r.key = key, r.id = id, r.attaches = attaches, r.size = 4096, r.mode = 0600;
    return r;
}
Snapshot machine() {
    Snapshot s;
    s.own.ipc = s.own.net = s.own.mnt = 1;
    s.pipe_dev = 13, s.socket_dev = 8;
    s.ipc.push_back({.ino = 1, .seen = true, .queues_seen = true});
    s.net.push_back({.ino = 1, .seen = true});
    return s;
}
Inventory seen(Snapshot& s) { return s.index(), take_inventory(s); }

TEST(Inventory, AFifoIsItsDeviceAndItsInode) {
    auto s = machine();
    s.processes = {process(1), process(2)};
    open_file(s.processes[0], 3, {20, 2}, sys::type_fifo, "/a/f", 0);
    open_file(s.processes[1], 3, {21, 2}, sys::type_fifo, "/b/f", 1);
    const auto all = seen(s);
    for (const auto* name : {"/a/f", "/b/f"}) {
        const auto* i = find(all, "fifo", name);
        ASSERT_TRUE(i) << name;
        EXPECT_EQ(i->holders.size(), 1u);
    }
    EXPECT_NE(find(all, "fifo", "/a/f")->identity, find(all, "fifo", "/b/f")->identity);
}

TEST(Inventory, AttachesThatNobodyShowsAreHidden) {
    auto s = machine();
    s.ipc[0].shm = {segment(0x51, 7, 5)};
    s.processes = {process(1), process(2)};
    attach(s.processes[0], 0x51, 7), attach(s.processes[0], 0x51, 7, 0x9000), attach(s.processes[1], 0x51, 7);
    attach(s.processes[1], 0x52, 7, 0x9000);  // another key: an id that was given again
    const auto all = seen(s);
    const auto* i = find(all, "sysv-shm", "7 key 0x51");
    ASSERT_TRUE(i);
    EXPECT_EQ(i->holders.size(), 2u);
    EXPECT_EQ(i->hidden_holders, 2u);
    EXPECT_EQ(i->use, "5 attaches");
}

TEST(Inventory, ASegmentOfAnotherNamespaceWithTheSameIdIsNotOurs) {
    auto s = machine();
    s.ipc.push_back({.ino = 2, .seen = true, .queues_seen = true});
    s.ipc[0].shm = {segment(0x51, 0, 0)};
    s.ipc[1].shm = {segment(0x51, 0, 1)};
    s.processes = {process(1, 2)};
    attach(s.processes[0], 0x51, 0);
    const auto all = seen(s);
    for (const auto& i : all.items) {
        if (i.kind != "sysv-shm") continue;
        EXPECT_EQ(i.held(), i.ns == 2);
        EXPECT_EQ(i.own_ns, i.ns == 1);
    }
}

// A thread that sleeps in semop(2) for `op`.
void sleep_at(SeenProcess& p, int id, sys::SemaphoreOp op) {
    sys::Blocked b{.tid = p.pid, .in = sys::SleepsIn::semop, .ops = {op}, .opening = {}, .path = {}};
    b.args[0] = static_cast<std::uint64_t>(id);
    p.blocked.push_back(std::move(b));
}

TEST(Inventory, WhoChangedASemaphoreLastIsToldWhereHeLives) {
    auto s = machine();
    s.booted = 1'000'000'000'000;
    s.processes = {process(1), process(2)};  // both a second after boot
    sys::SysvSemRow set;
    set.id = 3, set.members = 2, set.operated = 1060, set.awaited = {{.number = 1, .value = 0, .last = 2}};
    s.ipc[0].sem = {set};
    sleep_at(s.processes[0], 3, {.member = 1, .change = -1});
    const auto waiter = [&] { return find(seen(s), "sysv-sem", "3 private")->waiters.at(0); };
    EXPECT_EQ(waiter().part, 1);
    ASSERT_TRUE(waiter().last);
    EXPECT_EQ(waiter().last->pid, 2);
    s.processes[1].start = 9000;  // another who has its number: 90 s after boot, and the set was used at 60
    EXPECT_FALSE(waiter().last);
    s.processes[1].start = 100, s.ipc[0].sem[0].awaited[0].last = 1;
    EXPECT_FALSE(waiter().last) << "himself";
    s.ipc[0].sem[0].awaited[0].value = 1;
    EXPECT_EQ(waiter().part, -1) << "it does not stop the call: he is just being woken";
}

TEST(Inventory, WhoSleepsAtAPipeSaysThatItIsEmptyOrFull) {
    auto s = machine();
    s.processes = {process(1), process(2)};
    open_file(s.processes[0], 3, {13, 5}, sys::type_fifo, "pipe:[5]", 0);
    open_file(s.processes[1], 4, {13, 5}, sys::type_fifo, "pipe:[5]", 1);
    const auto use = [&] { return find(seen(s), "pipe", "pipe:[5]")->use; };
    EXPECT_EQ(use(), "1 writer to 1 reader");
    sys::Blocked b{.tid = 1, .in = sys::SleepsIn::read, .ops = {}, .opening = {}, .path = {}};
    b.args[0] = 3;
    s.processes[0].blocked = {b};
    EXPECT_EQ(use(), "1 writer to 1 reader, empty");
    b.in = sys::SleepsIn::write, b.args[0] = 4;
    s.processes[1].blocked = {b};
    EXPECT_EQ(use(), "1 writer to 1 reader") << "one of them is just being woken";
    s.processes[0].blocked.clear();
    EXPECT_EQ(use(), "1 writer to 1 reader, full");
}

TEST(Inventory, EventfdsThatShareAnInodeAreApart) {
    auto s = machine();
    s.processes = {process(1), process(2)};
    for (const auto& [p, fd, id] : {std::tuple{0, 3, 7u}, {1, 3, 7u}, {1, 4, 8u}}) {
        auto& f = s.processes[static_cast<std::size_t>(p)].fds.emplace_back();
        f.fd = fd, f.target = "anon_inode:[eventfd]", f.info.eventfd_id = id;
    }
    const auto all = seen(s);
    ASSERT_TRUE(find(all, "eventfd", "eventfd:7") && find(all, "eventfd", "eventfd:8"));
    EXPECT_EQ(find(all, "eventfd", "eventfd:7")->holders.size(), 2u);
    EXPECT_EQ(find(all, "eventfd", "eventfd:8")->holders.size(), 1u);
}

TEST(Inventory, ALockIsFoundThoughTheKernelCountsDevicesOtherwise) {
    auto s = machine();
    s.processes = {process(1), process(2)};
    const sys::FileLock lock{.kind = sys::LockKind::flock, .write = true, .pid = 1, .file = {99, 5}};
    open_file(s.processes[0], 3, {40, 5}, sys::type_regular, "/var/lock");
    s.processes[0].fds[0].info.locks = {lock};
    s.locks = {lock, {.kind = sys::LockKind::flock, .waits = true, .write = true, .pid = 2, .file = {99, 5}}};
    const auto all = seen(s);
    const auto* i = find(all, "lock", "/var/lock");
    ASSERT_TRUE(i);
    EXPECT_EQ(i->holders.size(), 1u);
    EXPECT_EQ(i->waiters.size(), 1u);
    EXPECT_EQ(i->hidden_holders, 0u);
    EXPECT_EQ(i->use, "flock write, 1 waiting");
}

TEST(Inventory, ALockWhoseHolderIsOutOfSightIsHeld) {
    auto s = machine();
    s.locks = {{.kind = sys::LockKind::posix, .write = true, .pid = 4711, .file = {99, 5}}};
    const auto all = seen(s);
    const auto* i = find(all, "lock", "inode 5");
    ASSERT_TRUE(i);
    EXPECT_EQ(i->hidden_holders, 1u);
    EXPECT_TRUE(i->held());
}

TEST(Inventory, APidThatWasGivenAgainHoldsNoPidFile) {
    auto s = machine();
    s.booted = 1'000'000'000'000;
    s.processes = {process(4711)};
    s.places = {{.path = "/run/a.pid", .file = {.key = {1, 2}, .mode = sys::type_regular | 0644u}, .head = "4711\n"}};
    s.places[0].file.changed = s.booted + 60'000'000'000;
    s.processes[0].start = 1000;  // 10 s after boot, 50 s before the file
    EXPECT_TRUE(find(seen(s), "pid-file", "/run/a.pid")->held());
    s.processes[0].start = 9000;
    const auto all = seen(s);
    EXPECT_FALSE(find(all, "pid-file", "/run/a.pid")->held());
    EXPECT_EQ(find(all, "pid-file", "/run/a.pid")->use, "pid 4711, which is another's now");
}

TEST(Inventory, ALoopbackConnectionIsOneObjectOfBothEnds) {
    auto s = machine();
    s.processes = {process(1), process(2)};
    sys::InetSocket a{.state = sys::state_established,
                      .local = {{127, 0, 0, 1}, 80},
                      .remote = {{127, 0, 0, 1}, 4711},
                      .ino = 5,
                      .cookie = 1};
    auto b = a;
    std::swap(b.local, b.remote), b.ino = 6;
    s.net[0].inet_sockets = {a, b};
    open_file(s.processes[0], 3, {8, 5}, sys::type_socket, "socket:[5]");
    open_file(s.processes[1], 4, {8, 6}, sys::type_socket, "socket:[6]");
    const auto all = seen(s);
    ASSERT_EQ(std::ranges::count(all.items, "tcp", &Item::kind), 1);
    const auto* i = find(all, "tcp", "127.0.0.1:80 127.0.0.1:4711");
    ASSERT_TRUE(i);
    EXPECT_EQ(i->holders.size(), 2u);
    EXPECT_EQ(std::get<PortIdentity>(i->identity).ends, "tcp 127.0.0.1:4711 127.0.0.1:80");
}

TEST(Inventory, WhatIsLeftOfAClosedConnectionIsNoObject) {
    auto s = machine();
    sys::InetSocket gone{.state = 6, .local = {{127, 0, 0, 1}, 80}, .remote = {{127, 0, 0, 1}, 4711}, .ino = 0};
    s.net[0].inet_sockets = {gone};
    EXPECT_TRUE(seen(s).items.empty());
    s.net[0].inet_sockets[0].state = sys::state_established;  // not accepted yet
    EXPECT_EQ(seen(s).items.size(), 1u);
}

TEST(Inventory, EveryKindThatIsListedIsAKind) {
    const auto kinds = inventory_kinds();
    EXPECT_EQ(std::set(kinds.begin(), kinds.end()).size(), kinds.size());
    for (const auto& i : take_inventory().items) EXPECT_NE(std::ranges::find(kinds, i.kind), kinds.end()) << i.kind;
}

TEST(TakeInventory, FindsAPipeOfOurs) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    struct stat st{};
    ::fstat(ends[0], &st);
    const auto all = take_inventory();
    const auto* i = find(all, "pipe", "pipe:[" + std::to_string(st.st_ino) + "]");
    ASSERT_TRUE(i);
    EXPECT_EQ(i->identity, Identity(FileIdentity{st.st_dev, st.st_ino}));
    EXPECT_EQ(i->use, "1 writer to 1 reader");
    ASSERT_EQ(i->holders.size(), 2u);
    EXPECT_EQ(i->holders[0].pid, ::getpid());
    EXPECT_GT(all.coverage.processes, 0u);
    ::close(ends[0]), ::close(ends[1]);
}

TEST(TakeInventory, ALockIsEverybodysWhoSharesTheDescription) {
    test::TempDir dir;
    const auto path = dir / "lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    ASSERT_EQ(::flock(fd, LOCK_EX), 0);
    test::Child other([] {
        for (;;) ::pause();
        return true;
    });
    const auto all = take_inventory();
    const auto* i = find(all, "lock", path);
    ASSERT_TRUE(i);
    std::set<int> pids;
    for (const auto& h : i->holders) pids.insert(h.pid);
    EXPECT_EQ(pids, (std::set<int>{::getpid(), static_cast<int>(other.pid())}));
    EXPECT_EQ(i->use, "2 flock write");
    other.kill();
    ::close(fd);
}

TEST(TakeInventory, LeavesNoDescriptorBehind) {
    (void)take_inventory();
    const auto before = test::open_descriptors();
    (void)take_inventory();
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST(TakeInventory, LeavesOurOwnNotificationAlone) {
    const auto name = "/" + test::unique_name("wye-notify");
    const mqd_t q = ::mq_open(name.c_str(), O_CREAT | O_RDWR, 0600, nullptr);
    if (q < 0) GTEST_SKIP() << "no POSIX queues: " << std::strerror(errno);
    sigset_t usr;
    sigemptyset(&usr), sigaddset(&usr, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr, nullptr);
    sigevent e{};
    e.sigev_notify = SIGEV_SIGNAL, e.sigev_signo = SIGUSR1;
    EXPECT_EQ(::mq_notify(q, &e), 0);
    (void)take_inventory();
    EXPECT_EQ(::mq_send(q, "x", 1, 0), 0);
    const timespec soon{.tv_sec = 5, .tv_nsec = 0};
    EXPECT_EQ(::sigtimedwait(&usr, nullptr, &soon), SIGUSR1);
    ::pthread_sigmask(SIG_UNBLOCK, &usr, nullptr);
    ::mq_close(q), ::mq_unlink(name.c_str());
}

// Processes come and go between any two looks.
TEST(TakeInventory, IsWholeWhileProcessesComeAndGo) {
    test::Child storm([] {
        for (;;) {
            const pid_t p = ::fork();
            if (p == 0) ::_exit(0);
            if (p > 0) ::waitpid(p, nullptr, 0);
        }
        return true;
    });
    for (int n = 0; n < 30; ++n) {
        const auto all = take_inventory();
        ASSERT_GT(all.coverage.processes, 1u);
        for (const auto& p : all.coverage.unreadable) EXPECT_NE(p.pid, storm.pid());
    }
    storm.kill();
}

TEST(TakeInventory, HoldsOutInAStormOfSignals) {
    const auto quiet = take_inventory().coverage;
    const test::EintrStorm storm;
    const auto all = take_inventory().coverage;
    EXPECT_EQ(all.ipc.seen, quiet.ipc.seen);
    EXPECT_EQ(all.net.seen, quiet.net.seen);
    EXPECT_EQ(all.blind, quiet.blind);
}

}  // namespace
}  // namespace wye
