#include "os/snapshot/snapshot.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace wye::sys {
namespace {

const SeenProcess* self(const Snapshot& s) {
    const auto p = std::ranges::find(s.processes, ::getpid(), &SeenProcess::pid);
    return p == s.processes.end() ? nullptr : &*p;
}

TEST(Snapshot, KnowsThisProcess) {
    test::TempDir dir;
    const int fd = ::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    ASSERT_EQ(::ftruncate(fd, 8192), 0);
    void* at = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, fd, 0);
    struct stat st{};
    ::fstat(fd, &st);
    const auto s = take_snapshot();
    const auto* me = self(s);
    ASSERT_TRUE(me);
    EXPECT_TRUE(me->readable);
    EXPECT_EQ(me->parent, ::getppid());
    EXPECT_EQ(me->uid, ::getuid());
    EXPECT_EQ(me->ns.ipc, s.own.ipc);
    EXPECT_EQ(me->ns.net, s.own.net);
    for (const auto& f : me->fds) EXPECT_EQ(f.tid, 0);  // a helper's are not told
    const FileKey key{st.st_dev, st.st_ino};
    ASSERT_EQ(s.open_at(key).size(), 1u);
    const auto& f = s.fd(s.open_at(key)[0]);
    EXPECT_EQ(f.fd, fd);
    EXPECT_EQ(f.target, dir / "f");
    EXPECT_EQ(f.file.size, 8192u);
    EXPECT_EQ(f.file.mode, st.st_mode);
    EXPECT_TRUE(f.info.reads() && f.info.writes());
    // A file system whose maps show another device than stat is not this one's test.
    for (const auto use : s.mapped_at(key)) EXPECT_FALSE(s.map(use).write);
    ::munmap(at, 8192), ::close(fd);
}

// Who reads of shared memory by a private map holds it.
TEST(Snapshot, KnowsAPrivateReader) {
    const auto name = "/wye-test-" + std::to_string(::getpid());
    const int fd = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    ::shm_unlink(name.c_str());
    ASSERT_EQ(::ftruncate(fd, 4096), 0);
    ASSERT_EQ(::pwrite(fd, "x", 1, 0), 1);
    struct stat st{};
    ::fstat(fd, &st);
    auto* at = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
    ::close(fd);
    EXPECT_EQ(at[0], 'x');
    const auto s = take_snapshot();
    ASSERT_EQ(s.mapped_at({st.st_dev, st.st_ino}).size(), 1u);
    EXPECT_FALSE(s.map(s.mapped_at({st.st_dev, st.st_ino})[0]).shared);
    ::munmap(const_cast<char*>(at), 4096);
}

// Closing any copy of its queue ends a process's own notification.
TEST(Snapshot, LeavesANotificationOfAQueueInForce) {
    const auto name = "/wye-test-" + std::to_string(::getpid());
    const mqd_t queue = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600, nullptr);
    if (queue < 0) GTEST_SKIP() << "no more queues for this user";
    ::mq_unlink(name.c_str());
    sigevent quietly{};
    quietly.sigev_notify = SIGEV_NONE;
    ASSERT_EQ(::mq_notify(queue, &quietly), 0);
    (void)take_snapshot();
    EXPECT_EQ(::mq_notify(queue, &quietly), -1);
    EXPECT_EQ(errno, EBUSY);
    ::mq_close(queue);
}

// What the first three are is known without their names, too, where these matter.
TEST(Snapshot, KnowsWhatComesInByTheFirstThree) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    test::Gate ready;
    test::Child child([&] {
        const int null = ::open("/dev/null", O_RDWR);
        ::dup2(null, 0), ::dup2(ends[1], 1);
        ready.open(1);
        for (;;) ::pause();
        return true;
    });
    ASSERT_EQ(ready.wait(), 1);
    struct stat pipe{}, null{};
    ASSERT_EQ(::fstat(ends[0], &pipe), 0);
    ASSERT_EQ(::stat("/dev/null", &null), 0);
    const auto s = take_snapshot();
    const auto* there = s.process(child.pid());
    ASSERT_TRUE(there);
    const auto at = [&](int fd) { return *std::ranges::find(there->fds, fd, &SeenFd::fd); };
    EXPECT_EQ(at(0).file.key, (FileKey{null.st_dev, null.st_ino}));
    EXPECT_TRUE(at(0).file.is(S_IFCHR));
    EXPECT_EQ(at(1).file.key, (FileKey{pipe.st_dev, pipe.st_ino}));
    EXPECT_EQ(at(1).target, "pipe:[" + std::to_string(pipe.st_ino) + "]");
    EXPECT_FALSE(at(1).info.reads());
    ::close(ends[0]), ::close(ends[1]);
}

// One look out of a few: what is spent on processes that end meanwhile is nobody's.
TEST(Snapshot, CostsFewCallsAProcess) {
    std::uint64_t calls = 0, most = 0;
    for (int tries = 0; tries < 10 && calls >= most; ++tries) {
        const auto s = take_snapshot();
        std::size_t fds = 0;
        for (const auto& p : s.processes) fds += p.fds.size();
        calls = s.calls;
        EXPECT_GT(calls, 10 * s.processes.size());  // counted at all
        // Five a descriptor; 40 a process with its maps in pieces of 4 KiB; directories, kernel threads and tables.
        most = 5 * fds + 80 * s.processes.size() + 3000;
    }
    EXPECT_LT(calls, most);
}

// Whatever fails, what is left is whole, and nothing stays open.
TEST(Snapshot, AnyCallMayFail) {
    (void)take_snapshot();
    const auto before = test::open_descriptors();
    const auto calls = static_cast<unsigned>(take_snapshot().calls);
    unsigned hits = 0;
    for (const int error : {EMFILE, EACCES, ENOENT, EINTR, EIO})
        for (unsigned nth = 1; nth < calls; nth += calls / 40 + 1) {
            const Inject fault{{.call = Call::any, .nth = nth, .times = 3, .error = error}};
            const auto s = take_snapshot();
            hits += fault.hits();
            for (const auto& p : s.processes) ASSERT_NE(p.pid, 0);
        }
    EXPECT_GT(hits, 10u);  // how many calls there are is the machine's business, and changes meanwhile
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Snapshot, WithoutProcItSaysSo) {
    const Inject fault{{.call = Call::open, .nth = 1, .times = 1000000, .error = EMFILE}};
    const auto s = take_snapshot();
    EXPECT_TRUE(s.processes.empty());
    EXPECT_FALSE(s.blind.empty());
}

// The thread that enters another IPC namespace shares our semaphore undos, and leaves them alone.
TEST(Snapshot, EntersOtherNamespacesWithoutATraceInOurs) {
    test::Gate ready;
    test::Child other([&] {
        if (::unshare(CLONE_NEWIPC | CLONE_NEWNET) != 0) return ready.open(2), false;
        ready.open(1);
        for (;;) ::pause();
        return true;
    });
    if (ready.wait() != 1) GTEST_SKIP() << "this user may make no namespaces";
    const int id = ::semget(IPC_PRIVATE, 1, 0600);
    ASSERT_GE(id, 0);
    sembuf up{.sem_num = 0, .sem_op = 3, .sem_flg = SEM_UNDO};
    ASSERT_EQ(::semop(id, &up, 1), 0);
    const auto s = take_snapshot();
    EXPECT_EQ(::semctl(id, 0, GETVAL), 3);
    ::semctl(id, 0, IPC_RMID);
    // The child's, at least: what else is on this machine may come and go.
    const auto* there = s.process(other.pid());
    ASSERT_TRUE(there);
    const auto ipc = std::ranges::find(s.ipc, there->ns.ipc, &IpcNamespace::ino);
    const auto net = std::ranges::find(s.net, there->ns.net, &NetNamespace::ino);
    EXPECT_TRUE(ipc != s.ipc.end() && ipc->ino != s.own.ipc && ipc->seen);
    EXPECT_TRUE(net != s.net.end() && net->ino != s.own.net && net->seen);
    Snapshot again = take_snapshot();
    EXPECT_EQ(again.own.ipc, s.own.ipc);
    EXPECT_EQ(again.own.net, s.own.net);
}

}  // namespace
}  // namespace wye::sys
