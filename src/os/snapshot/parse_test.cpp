#include "os/snapshot/parse.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace wye::sys {
namespace {

// Texts as Linux 6.18 and 6.1 gave them.

TEST(ParseStat, ANameMayHoldBracketsAndBlanks) {
    const auto s = parse_stat(
        "4711 (a) b (c) S 20758 20758 17081 0 -1 4194304 101 0 0 0 0 0 0 0 20 0 3 0 3817925 3133440 387 "
        "18446744073709551615 94796235522048 94796235541929 140733829930240 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n");
    ASSERT_TRUE(s);
    EXPECT_EQ(s->pid, 4711);
    EXPECT_EQ(s->comm, "a) b (c");
    EXPECT_EQ(s->state, 'S');
    EXPECT_EQ(s->parent, 20758);
    EXPECT_EQ(s->threads, 3u);
    EXPECT_EQ(s->start, 3817925u);
    EXPECT_EQ(s->memory, 3133440u);
    EXPECT_EQ(s->resident, 387u);
    EXPECT_EQ(s->stack, 140733829930240u);
    EXPECT_FALSE(s->kernel_thread);
}

TEST(ParseStat, AKernelThreadIsKnownByItsFlag) {
    const auto s =
        parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 8 0 0 18446744073709551615 0 0 0");
    ASSERT_TRUE(s);
    EXPECT_TRUE(s->kernel_thread);
}

TEST(ParseStat, WhatIsCutOffIsNoProcess) {
    const std::string_view whole = "7 (x) S 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 5 6 7 8 9 10 11 0 0\n";
    for (std::size_t n = 0; n < whole.find(" 7 8"); ++n) EXPECT_FALSE(parse_stat(whole.substr(0, n))) << n;
    EXPECT_TRUE(parse_stat(whole));
}

TEST(ParseStatus, UserAndSignals) {
    const auto s = parse_status(
        "Name:\tcat\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t4711\t88\t7\nSigQ:\t2/96365\nSigPnd:\t0000000000000200\n"
        "ShdPnd:\t0000000000000800\nSigBlk:\t0000000000000a00\nSigCgt:\t0000000180000000\n");
    EXPECT_EQ(s.uid, 1000u);
    EXPECT_EQ(s.effective, 1001u);
    EXPECT_EQ(s.inner, 7);
    EXPECT_TRUE(s.nested);
    EXPECT_EQ(s.in_shmem, std::nullopt);
    const auto plain = parse_status("NSpid:\t4711\nRssShmem:\t     132 kB\n");
    EXPECT_EQ(plain.inner, 4711);
    EXPECT_FALSE(plain.nested);
    EXPECT_EQ(plain.in_shmem, 132u);
    EXPECT_EQ(s.signals.queued, 2u);
    EXPECT_EQ(s.signals.limit, 96365u);
    EXPECT_EQ(s.signals.pending, 0x200u);
    EXPECT_EQ(s.signals.shared, 0x800u);
    EXPECT_EQ(s.signals.blocked, 0xa00u);
    EXPECT_EQ(s.signals.caught, 0x180000000u);
}

TEST(ParseFdinfo, AnEventfdByItsId) {
    const auto f = parse_fdinfo(
        "pos:\t0\nflags:\t02004002\nmnt_id:\t15\nino:\t18\neventfd-count:               1f\neventfd-id: 207\n"
        "eventfd-semaphore: 1\n");
    EXPECT_EQ(f.eventfd_id, 207u);
    EXPECT_EQ(f.eventfd_count, 0x1fu);
    EXPECT_TRUE(f.eventfd_semaphore);
    EXPECT_TRUE(f.reads() && f.writes());
}

TEST(ParseFdinfo, LocksAndDescriptorsInFlight) {
    const auto f = parse_fdinfo(
        "pos:\t0\nflags:\t0100001\nmnt_id:\t19\nino:\t63107\nlock:\t1: FLOCK  ADVISORY  WRITE 359 00:13:11691 0 EOF\n"
        "scm_fds: 3\n");
    ASSERT_EQ(f.locks.size(), 1u);
    EXPECT_EQ(f.locks[0].kind, LockKind::flock);
    EXPECT_EQ(f.locks[0].file, (FileKey{gnu_dev_makedev(0, 0x13), 11691}));
    EXPECT_TRUE(f.locks[0].write);
    EXPECT_EQ(f.in_flight, 3u);
    EXPECT_FALSE(f.reads());
    EXPECT_TRUE(f.writes());
}

TEST(ParseMaps, SharedOnesAndThoseMadeToBeShared) {
    std::vector<SeenMap> maps;
    parse_maps(
        "56375dd7d000-56375dd7f000 r--p 00000000 fe:00 263 /usr/bin/cat\n"
        "7f1399ad6000-7f1399bd7000 rw-s 00001000 00:01 5 /SYSV00005151 (deleted)\n"
        "7f1399bd7000-7f1399bd8000 r--s 00000000 00:1b 92 /dev/shm/sem.B8AtBu (deleted)\n"
        "7f1399bd8000-7f1399bd9000 rw-p 00000000 00:01 1042 /memfd:x y (deleted)\n"
        "7f1399be0000-7f1399be1000 rw-s 00000000 00:00 0 \n"
        "7f1399be4000-7f1399c06000 rw-p 00000000 00:00 0 \n"
        "7ffd2f9f2000-7ffd2fa13000 rw-p 00000000 00:00 0                          [stack]\n"
        "7f1399bf0000-7f13",
        maps);
    ASSERT_EQ(maps.size(), 3u);
    EXPECT_EQ(maps[0].name, "/SYSV00005151 (deleted)");
    EXPECT_EQ(maps[0].file, (FileKey{gnu_dev_makedev(0, 1), 5}));
    EXPECT_EQ(maps[0].offset, 0x1000u);
    EXPECT_TRUE(maps[0].write);
    EXPECT_FALSE(maps[1].write);
    EXPECT_EQ(maps[1].file, (FileKey{gnu_dev_makedev(0, 0x1b), 92}));
    EXPECT_EQ(maps[2].name, "/memfd:x y (deleted)");
    EXPECT_FALSE(maps[2].shared);
}

TEST(ParseSyscall, WhatIsWaitedIn) {
    EXPECT_FALSE(parse_syscall("running\n"));
    EXPECT_FALSE(parse_syscall("-1 0x7ffd2f9f2000 0x7f1399be4000\n"));
    EXPECT_FALSE(parse_syscall(""));
#ifdef __x86_64__
    EXPECT_FALSE(parse_syscall("7 0x3 0x7f1399be4000 0x20000 0x22 0xffffffff 0x0 0x7fff25f0da58 0x7f1399d5f2ad\n"));
    const auto read = parse_syscall("0 0x3 0x7f1399be4000 0x20000 0x22 0xffffffff 0x0 0x7fff25f0da58 0x7f1399d5f2ad\n");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->in, SleepsIn::read);
    EXPECT_EQ(read->args[0], 3u);
    const auto b = parse_syscall("220 0x5 0x7ffc0 0x1 0x0 0x0 0x0 0x7fff25f0da58 0x7f1399d5f2ad\n");
    ASSERT_TRUE(b);
    EXPECT_EQ(b->in, SleepsIn::semop);
    EXPECT_EQ(b->args[0], 5u);
    const auto open = parse_syscall("2 0x55aa 0x1 0x0 0x0 0x0 0x0 0x7fff25f0da58 0x7f1399d5f2ad\n");
    ASSERT_TRUE(open);
    EXPECT_EQ(static_cast<std::int32_t>(open->args[0]), AT_FDCWD);
    EXPECT_EQ(open->args[1], 0x55aau);
    EXPECT_EQ(open->args[2], 1u);
#endif
}

TEST(ParseSyscall, WhoHasADeadlineWakesByItself) {
#ifdef __x86_64__
    const auto timed = [](std::string_view call) { return parse_syscall(call)->timed; };
    EXPECT_FALSE(timed("220 0x5 0x7ffc0 0x1 0x0 0x0 0x0 0x1 0x2\n"));
    EXPECT_TRUE(timed("220 0x5 0x7ffc0 0x1 0x7ffd0 0x0 0x0 0x1 0x2\n"));
    EXPECT_FALSE(timed("242 0x5 0x7ffc0 0x1 0x3 0x0 0x0 0x1 0x2\n")) << "mq_send, of priority 3";
    EXPECT_TRUE(timed("243 0x5 0x7ffc0 0x1 0x3 0x7ffd0 0x0 0x1 0x2\n"));
    EXPECT_FALSE(timed("202 0x7f00 0x189 0x0 0x0 0x0 0xffffffff 0x1 0x2\n")) << "FUTEX_WAIT_BITSET";
    EXPECT_TRUE(timed("202 0x7f00 0x189 0x0 0x7ffd0 0x0 0xffffffff 0x1 0x2\n"));
    EXPECT_FALSE(timed("202 0x7f00 0x81 0x1 0x7ffd0 0x0 0x0 0x1 0x2\n")) << "FUTEX_WAKE has none";
#endif
}

TEST(ParseSemaphoreOps, AsManyAsAreWhole) {
    const std::uint16_t words[] = {1, 0xffff, 0, 7, 2, 0x1000, 9, 9};
    const auto all = parse_semaphore_ops(std::as_bytes(std::span(words)));
    EXPECT_EQ(all, (std::vector<SemaphoreOp>{{1, -1}, {7, 2}}));
    EXPECT_TRUE(parse_semaphore_ops({}).empty());
}

TEST(ParseLocks, HoldersWaitersAndLeases) {
    const auto all = parse_locks(
        "1: POSIX  ADVISORY  READ  5433 08:01:7864448 128 128\n"
        "2: FLOCK  ADVISORY  WRITE 2001 08:01:7864554 0 EOF\n"
        "2: -> FLOCK  ADVISORY  WRITE 2002 08:01:7864554 0 EOF\n"
        "3: OFDLCK ADVISORY  WRITE -1 00:1a:44 5 9\n"
        "4: LEASE  BREAKING  READ  4711 fe:00:99 0 EOF\n"
        "5: nonsense\n");
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(all[0].kind, LockKind::posix);
    EXPECT_EQ(all[0].end, 128u);
    EXPECT_FALSE(all[0].write);
    EXPECT_FALSE(all[1].waits);
    EXPECT_TRUE(all[2].waits);
    EXPECT_EQ(all[2].pid, 2002);
    EXPECT_EQ(all[3].kind, LockKind::ofd);
    EXPECT_EQ(all[3].pid, -1);
    EXPECT_EQ(all[4].kind, LockKind::lease);
    EXPECT_EQ(all[4].state, "BREAKING");
    EXPECT_EQ(all[4].file, (FileKey{gnu_dev_makedev(0xfe, 0), 99}));
}

TEST(ParseSysvipc, TheTitlesAreNoObject) {
    EXPECT_TRUE(
        parse_sysv_shm("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  "
                       "cgid      atime      dtime      ctime                   rss                  swap\n")
            .empty());
    const auto shm = parse_sysv_shm(
        "titles\n     20817          7  1666                  8192 21456 21460      5  1000  1000  1001  1001 "
        "1763935411 "
        "0 1763935400                  4096                     0\n");
    ASSERT_EQ(shm.size(), 1u);
    EXPECT_EQ(shm[0].key, 0x5151);
    EXPECT_EQ(shm[0].id, 7);
    EXPECT_TRUE(shm[0].removed());
    EXPECT_EQ(shm[0].attaches, 5u);
    EXPECT_EQ(shm[0].uid, 1000u);
    EXPECT_EQ(shm[0].cuid, 1001u);
    EXPECT_EQ(shm[0].changed, 1763935400);
    EXPECT_EQ(shm[0].resident, 4096u);
    const auto sem = parse_sysv_sem("titles\n-1      3   600         17     0     0     0     0 0 1763935400\n");
    ASSERT_EQ(sem.size(), 1u);
    EXPECT_EQ(sem[0].key, -1);
    EXPECT_EQ(sem[0].members, 17u);
    const auto msg = parse_sysv_msg("titles\n153 2 644 1200 14 812 0 33 33 33 33 1763935401 0 1763935400\n");
    ASSERT_EQ(msg.size(), 1u);
    EXPECT_EQ(msg[0].messages, 14u);
    EXPECT_EQ(msg[0].last_sender, 812);
    EXPECT_EQ(msg[0].sent, 1763935401);
}

TEST(ParseMountinfo, EscapesAndOptionalFields) {
    const auto all = parse_mountinfo(
        "25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24684092k\n"
        "40 27 0:4 ipc:[4026532177] /run/a\\040b rw shared:3 master:1 - nsfs nsfs rw\n"
        "broken\n");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].type, "tmpfs");
    EXPECT_EQ(all[0].dev, gnu_dev_makedev(0, 23));
    EXPECT_EQ(all[1].point, "/run/a b");
    EXPECT_EQ(all[1].type, "nsfs");
    EXPECT_EQ(bracketed(all[1].root, "ipc"), 4026532177u);
    EXPECT_FALSE(bracketed(all[1].root, "net"));
    EXPECT_FALSE(bracketed("pipe:[12", "pipe"));
    EXPECT_FALSE(bracketed("pipe:[1x]", "pipe"));
}

}  // namespace
}  // namespace wye::sys
