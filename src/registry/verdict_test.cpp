// Verdicts on machines that are made up: the kernel's own answers are, too.
#include "registry/verdict.hpp"

#include "os/snapshot/snapshot.hpp"
#include "registry/inventory.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace wye {
namespace {

using namespace std::chrono_literals;
using sys::SeenProcess;
using sys::Snapshot;
using sys::Sole;

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t booted = 1'000'000;  // seconds since 1970
constexpr std::int64_t now = booted + 100'000;

// `start` in seconds after boot.
SeenProcess process(int pid, std::uint64_t start, std::uint32_t uid = 1000, const char* comm = "app") {
    SeenProcess p{.pid = pid, .start = start * 100, .uid = uid, .effective = uid, .inner = pid, .comm = comm};
    p.readable = true;
    p.ns.ipc = p.ns.net = p.ns.mnt = p.ns.pid = 1;
    return p;
}

struct Machine : ::testing::Test {
    Snapshot s;
    Oracle oracle;
    std::vector<Rule> rules;
    std::vector<std::string> asked;

    Machine() {
        s.own.ipc = s.own.net = s.own.mnt = 1, s.own.pid = sys::first_pid;
        s.booted = booted * second, s.taken = now * second;
        s.pipe_dev = 13, s.socket_dev = 8;
        s.ipc.push_back({.ino = 1, .seen = true, .queues_seen = true});
        s.net.push_back({.ino = 1, .seen = true});
        s.shm.push_back({.dev = 20, .mnt = 1, .path = "/dev/shm"});
        s.mnt_total = s.mnt_seen = 1;
        s.processes = {process(1, 0, 0, "init")};
        answer(Sole::yes);
        oracle.locked = [](auto&, auto&) { return false; };
        oracle.operators = [](auto) { return std::vector{900}; };
    }
    void answer(Sole a) {
        oracle.lease = oracle.queue = [this, a](const std::string& path, const FileIdentity&) {
            asked.push_back(path);
            return a;
        };
    }
    Judged judged(std::string_view kind, std::chrono::seconds age = 10min) {
        s.index();
        const auto all = take_inventory(s);
        for (const auto& i : all.items)
            if (i.kind == kind) return judge(i, all, s, rules, age, oracle);
        ADD_FAILURE() << "there is no " << kind;
        return {};
    }
    Verdict verdict(std::string_view kind, std::chrono::seconds age = 10min) { return judged(kind, age).verdict; }
    void hide_one() { s.processes[0].readable = false; }

    sys::SysvShmRow& segment(int creator = 700, int last = 0) {
        auto& r = s.ipc[0].shm.emplace_back();
        r.key = 0x51, r.id = 3, r.uid = r.cuid = 1000, r.size = 4096, r.mode = 0600;
        r.creator = creator, r.last = last, r.changed = booted + 1000;
        return r;
    }
    sys::SysvSemRow& set() {
        auto& r = s.ipc[0].sem.emplace_back();
        r.key = 0x52, r.id = 4, r.uid = r.cuid = 1000, r.mode = 0600, r.members = 2;
        r.changed = booted + 1000, r.operated = booted + 2000;
        return r;
    }
    sys::SysvMsgRow& queue() {
        auto& r = s.ipc[0].msg.emplace_back();
        r.key = 0x53, r.id = 5, r.uid = r.cuid = 1000, r.mode = 0600;
        r.changed = booted + 1000, r.sent = r.received = booted + 2000;
        r.last_sender = 700, r.last_receiver = 701;
        return r;
    }
    sys::Found& shared(const std::string& path = "x") {
        return s.shm[0].files.emplace_back(sys::Found{.path = path, .file = file(sys::type_regular, 20), .head = {}});
    }
    sys::Found& place(const std::string& path, std::uint32_t type, const std::string& head = {}) {
        return s.places.emplace_back(sys::Found{.path = path, .file = file(type, 30), .head = head});
    }
    static sys::FileFacts file(std::uint32_t type, std::uint64_t dev) {
        return {.key = {dev, 7},
                .mode = type | 0600u,
                .uid = 1000,
                .size = 8192,
                .allocated = 4096,
                .changed = (booted + 1000) * second};
    }
};

bool says(const Judged& j, char mark, std::string_view test, std::string_view result) {
    return std::ranges::any_of(j.evidence,
                               [&](const auto& e) { return e.mark == mark && e.test == test && e.result == result; });
}

// ---- System V segments

TEST_F(Machine, ASegmentOfTheDeadIsProven) {
    segment();
    const auto j = judged("sysv-shm");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '+', "attaches", "none"));
    EXPECT_TRUE(says(j, '+', "pid", "dead"));
}
TEST_F(Machine, AnAttachIsAHolderAlsoOutOfSight) {
    segment().attaches = 1;
    EXPECT_EQ(verdict("sysv-shm"), Verdict::held);
}
TEST_F(Machine, ALivingCreatorMayComeBackToASegment) {
    segment();
    s.processes.push_back(process(700, 900));
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
}
TEST_F(Machine, ANumberThatWasGivenAgainIsNotTheCreator) {
    segment();
    s.processes.push_back(process(700, 1010));
    const auto j = judged("sysv-shm");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '+', "pid", "reused"));
}
// It attached long after the segment was made: the two are held against different times.
TEST_F(Machine, WhoAttachedLastMayBeginAfterTheSegmentWasMade) {
    auto& r = segment(700, 710);
    r.attached = booted + 5000, r.detached = booted + 5001;
    s.processes.push_back(process(710, 4000));
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
    s.processes.back().start = 600'000;
    EXPECT_EQ(verdict("sysv-shm"), Verdict::proven);
}
TEST_F(Machine, ACreatorOfAnotherPidNamespaceIsNotKnown) {
    segment(0);
    const auto j = judged("sysv-shm");
    EXPECT_EQ(j.verdict, Verdict::unknown);
    EXPECT_TRUE(says(j, '!', "pid", "foreign"));
}
TEST_F(Machine, AnAttacherOfAnotherPidNamespaceIsNotKnown) {
    segment(700, 0).attached = booted + 1500;
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
}
TEST_F(Machine, ASegmentIsAsYoungAsItsLastDetach) {
    auto& r = segment(700, 710);
    r.attached = booted + 1500, r.detached = now - 60;
    const auto j = judged("sysv-shm");
    EXPECT_EQ(j.verdict, Verdict::unknown);
    EXPECT_TRUE(says(j, '-', "age", "young"));
    EXPECT_EQ(verdict("sysv-shm", 30s), Verdict::proven);
}
TEST_F(Machine, ASegmentOfAnotherNamespaceIsItsUsersToKnow) {
    s.ipc.push_back({.ino = 2, .seen = true, .queues_seen = true});
    segment();
    std::swap(s.ipc[0].shm, s.ipc[1].shm);
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
}
TEST_F(Machine, WhereProcHidesProcessesNobodyIsDead) {
    segment();
    s.all_listed = false;
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
}

// ---- System V sets and queues

TEST_F(Machine, ASetOfAUserWithoutAnyProcessIsProven) {
    set();
    const auto j = judged("sysv-sem");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '!', "attaches", "uncounted"));
    EXPECT_TRUE(says(j, '+', "user", "none"));
}
TEST_F(Machine, AProcessOfItsUserFromBeforeTheLastOperationMayUseASet) {
    set();
    s.processes.push_back(process(640, 1500, 1000, "postgres"));
    const auto j = judged("sysv-sem");
    EXPECT_EQ(j.verdict, Verdict::unknown);
    EXPECT_TRUE(says(j, '-', "user", "older"));
}
TEST_F(Machine, AYoungerOneMayKnowItByItsKey) {
    set();
    s.processes.push_back(process(640, 3000));
    EXPECT_EQ(verdict("sysv-sem"), Verdict::likely);
}
TEST_F(Machine, SoMayOneThatOnlyActsAsItsUserOrAsItsMaker) {
    set().uid = 1001;
    s.processes.push_back(process(640, 1500, 0));
    s.processes.back().effective = 1001;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::unknown);
    s.processes.back().effective = 1000;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::unknown);
    s.processes.back().effective = 0;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::proven);
}
TEST_F(Machine, OtherUsersWhoMayUseASetSpeakAgainstIt) {
    set().mode = 0660;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::likely);
    s.ipc[0].sem[0].mode = 0644;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::proven);
    queue().mode = 0640;  // may take messages out
    EXPECT_EQ(verdict("sysv-mq"), Verdict::likely);
}
TEST_F(Machine, WhoCannotBeLookedIntoMaySleepAtASet) {
    set();
    hide_one();
    EXPECT_EQ(verdict("sysv-sem"), Verdict::likely);
}
TEST_F(Machine, WhoOperatedOnASetLastAndLivesMayDoSoAgain) {
    set();
    oracle.operators = [](auto) { return std::vector{800}; };
    EXPECT_EQ(verdict("sysv-sem"), Verdict::proven);
    s.processes.push_back(process(800, 1500, 0, "root's"));
    EXPECT_EQ(verdict("sysv-sem"), Verdict::unknown);
}
TEST_F(Machine, WhoSleepsAtASetHoldsIt) {
    set();
    s.processes.push_back(process(640, 1500));
    s.processes.back().blocked.push_back(
        {.tid = 640, .in = sys::SleepsIn::semop, .args = {4}, .opening = {}, .path = {}});
    EXPECT_EQ(verdict("sysv-sem"), Verdict::held);
}
TEST_F(Machine, InAContainerSetsOfASharedNamespaceAreAtTheMostLikely) {
    set();
    s.own.pid = 5;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::proven);
    segment(0);  // made by somebody outside
    EXPECT_EQ(verdict("sysv-sem"), Verdict::likely);
    s.ipc[0].shm.clear();
    s.own.ipc = s.ipc[0].ino = sys::first_ipc;
    EXPECT_EQ(verdict("sysv-sem"), Verdict::likely);
}
TEST_F(Machine, AnEmptyQueueOfTheDeadIsProven) {
    queue();
    EXPECT_EQ(verdict("sysv-mq"), Verdict::proven);
}
TEST_F(Machine, WhatWaitsInAQueueIsData) {
    queue().messages = 3;
    const auto j = judged("sysv-mq");
    EXPECT_EQ(j.verdict, Verdict::likely);
    EXPECT_TRUE(says(j, '-', "messages", "some"));
}
TEST_F(Machine, ALivingReceiverMayComeBackToAQueue) {
    queue();
    s.processes.push_back(process(701, 1500, 0));
    EXPECT_EQ(verdict("sysv-mq"), Verdict::unknown);
    s.processes.back().start = 300'000;  // another's number by now
    EXPECT_EQ(verdict("sysv-mq"), Verdict::proven);
}
TEST_F(Machine, ASenderOfAnotherPidNamespaceIsNotKnown) {
    queue().last_sender = 0;
    EXPECT_EQ(verdict("sysv-mq"), Verdict::unknown);
}

// ---- files

TEST_F(Machine, SharedMemoryIsProvenByTheLeaseAlsoWhereNotAllIsSeen) {
    shared();
    hide_one();
    const auto j = judged("posix-shm");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '+', "lease", "granted"));
    EXPECT_EQ(asked, std::vector<std::string>{"/dev/shm/x"});
}
TEST_F(Machine, ARefusedLeaseIsAHolder) {
    shared();
    answer(Sole::no);
    EXPECT_EQ(verdict("posix-shm"), Verdict::held);
}
TEST_F(Machine, WithoutTheLeaseItIsLikelyAndWhereNotAllIsSeenUnknown) {
    shared();
    answer(Sole::unasked);
    EXPECT_EQ(verdict("posix-shm"), Verdict::likely);
    oracle.lease = nullptr;
    EXPECT_EQ(verdict("posix-shm"), Verdict::likely);
    hide_one();
    EXPECT_EQ(verdict("posix-shm"), Verdict::unknown);
}
TEST_F(Machine, ANameThatStandsForAnotherFileIsNoOrphan) {
    shared();
    answer(Sole::gone);
    EXPECT_EQ(verdict("posix-shm"), Verdict::unknown);
}
TEST_F(Machine, WhatIsHeldOrYoungIsNotAskedForALease) {
    shared().file.changed = (now - 5) * second;
    EXPECT_EQ(verdict("posix-shm"), Verdict::unknown);
    s.shm[0].files[0].file.changed = booted * second;
    s.processes[0].maps.push_back({.shared = true, .file = {20, 7}, .name = "/dev/shm/x"});
    EXPECT_EQ(verdict("posix-shm"), Verdict::held);
    EXPECT_TRUE(asked.empty());
}
TEST_F(Machine, SharedMemoryOfAnotherMountNamespaceIsNotAskedFor) {
    shared();
    s.shm[0].mnt = 2;
    EXPECT_EQ(verdict("posix-shm"), Verdict::unknown);
    EXPECT_TRUE(asked.empty());
}
TEST_F(Machine, ASemaphoreIsAskedForByItsFile) {
    shared("sem.s");
    EXPECT_EQ(verdict("posix-sem"), Verdict::proven);
    EXPECT_EQ(asked, std::vector<std::string>{"/dev/shm/sem.s"});
}
TEST_F(Machine, AnEmptyPosixQueueIsProvenByTheLease) {
    sys::MessageQueue q;
    q.path = "q", q.file = file(sys::type_regular, 40), q.depth = 10, q.size = 100;
    s.ipc[0].queues.push_back(q);
    EXPECT_EQ(verdict("posix-mq"), Verdict::proven);
    EXPECT_EQ(asked, std::vector<std::string>{"/q"});
    s.ipc[0].queues[0].messages = 1;
    EXPECT_EQ(verdict("posix-mq"), Verdict::likely);
    s.ipc[0].queues[0].messages = 0, s.ipc[0].queues[0].depth = 0;  // may not be asked
    EXPECT_EQ(verdict("posix-mq"), Verdict::likely);
    s.ipc[0].queues[0].depth = 10;
    answer(Sole::no);
    EXPECT_EQ(verdict("posix-mq"), Verdict::held);
}
TEST_F(Machine, AFifoIsAtTheMostLikely) {
    place("/tmp/f", sys::type_fifo);
    EXPECT_EQ(verdict("fifo"), Verdict::likely);
    hide_one();
    EXPECT_EQ(verdict("fifo"), Verdict::unknown);
}
TEST_F(Machine, WhoWaitsToOpenAFifoHoldsIt) {
    place("/tmp/f", sys::type_fifo);
    s.processes[0].blocked.push_back(
        {.tid = 1, .in = sys::SleepsIn::open, .args = {}, .opening = file(sys::type_fifo, 30), .path = "/tmp/f"});
    EXPECT_EQ(verdict("fifo"), Verdict::held);
}
TEST_F(Machine, ASocketFileThatNobodyIsBoundToIsProven) {
    place("/tmp/s", sys::type_socket);
    EXPECT_EQ(verdict("unix"), Verdict::proven);
}
TEST_F(Machine, ASocketFileIsUnknownWhereANamespaceIs) {
    place("/tmp/s", sys::type_socket);
    s.net.push_back({.ino = 2, .seen = false});
    EXPECT_EQ(verdict("unix"), Verdict::unknown);
    s.net.pop_back();
    s.processes[0].ns.net = 0;  // not told to who may not look into it
    EXPECT_EQ(verdict("unix"), Verdict::unknown);
    s.processes[0].ns.net = 1;
    s.stray_sockets = 1;
    EXPECT_EQ(verdict("unix"), Verdict::unknown);
}
TEST_F(Machine, OnBtrfsASocketIsKnownByItsNameAndInode) {
    place("/tmp/s", sys::type_socket);
    s.net[0].unix_sockets.push_back(
        {.ino = 99, .cookie = 1, .type = 1, .state = 10, .name = "/tmp/s", .file = {77, 7}});
    s.index();
    const auto all = take_inventory(s);
    const auto stale = std::ranges::find_if(all.items, [](const auto& i) { return i.use.starts_with("nobody"); });
    ASSERT_NE(stale, all.items.end());
    EXPECT_EQ(judge(*stale, all, s, rules, 10min, oracle).verdict, Verdict::unknown);
}
TEST_F(Machine, InAContainerASocketOnAMountThatOthersMayHaveIsLikely) {
    place("/tmp/s", sys::type_socket);
    s.own.pid = 5;
    s.mounts = {{30, "/", "/", "overlay"}, {31, "/data", "/tmp", "ext4"}};
    EXPECT_EQ(verdict("unix"), Verdict::likely);
    s.mounts.pop_back();
    EXPECT_EQ(verdict("unix"), Verdict::proven);
    s.mounts.push_back({31, "/", "/tmp", "tmpfs"});
    EXPECT_EQ(verdict("unix"), Verdict::proven);
}
TEST_F(Machine, APidFileOfTheDeadIsProven) {
    place("/run/a.pid", sys::type_regular, "4711\n");
    EXPECT_EQ(verdict("pid-file"), Verdict::proven);
    s.processes.push_back(process(4711, 5000));
    const auto j = judged("pid-file");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '+', "pid", "reused"));
    s.processes.back().start = 50'000;
    EXPECT_EQ(verdict("pid-file"), Verdict::held);
}
TEST_F(Machine, APidFileThatIsLockedIsNoOrphan) {
    place("/run/a.pid", sys::type_regular, "4711\n");
    answer(Sole::no);
    EXPECT_EQ(verdict("pid-file"), Verdict::held);
    answer(Sole::unasked);
    EXPECT_EQ(verdict("pid-file"), Verdict::proven);
    oracle.locked = [](auto&, auto&) { return true; };
    EXPECT_EQ(verdict("pid-file"), Verdict::unknown);
    oracle.locked = [](auto&, auto&) { return false; };
    hide_one();
    EXPECT_EQ(verdict("pid-file"), Verdict::likely);
}
TEST_F(Machine, ANumberMayBeOneOfAnotherPidNamespace) {
    place("/run/a.pid", sys::type_regular, "7\n");
    s.processes.push_back(process(9000, 500));
    s.processes.back().inner = 7;
    EXPECT_EQ(verdict("pid-file"), Verdict::unknown);
}
TEST_F(Machine, ALockThatIsHeldByBeingThereIsJudgedByItsPid) {
    place("/tmp/.X0-lock", sys::type_regular, "       700\n");
    EXPECT_EQ(verdict("lock-file"), Verdict::proven);
    s.processes.push_back(process(700, 500, 0, "Xorg"));
    EXPECT_EQ(verdict("lock-file"), Verdict::held);
}
TEST_F(Machine, ALockFileWithoutAPidIsAtTheMostLikely) {
    place("/run/x.lock", sys::type_regular);
    EXPECT_EQ(verdict("lock-file"), Verdict::likely);
    answer(Sole::no);
    EXPECT_EQ(verdict("lock-file"), Verdict::held);
}
TEST_F(Machine, ATemporaryDirectoryIsAtTheMostLikely) {
    place("/tmp/tmp.aB3dE6gH9j", sys::type_directory);
    sys::Tree tree{.whole = true, .why = {}, .newest = (booted + 2000) * second, .entries = 3, .user = 0, .comm = {}};
    oracle.tree = [&](auto&, auto&, auto&) { return tree; };
    EXPECT_EQ(verdict("temp-dir"), Verdict::likely);
    tree.newest = (now - 5) * second;
    EXPECT_EQ(verdict("temp-dir"), Verdict::unknown);
    tree.newest = (booted + 2000) * second, tree.user = 640, tree.comm = "make";
    EXPECT_EQ(verdict("temp-dir"), Verdict::held);
    tree.user = 0, tree.whole = false;
    EXPECT_EQ(verdict("temp-dir"), Verdict::unknown);
    tree.whole = true;
    s.processes.push_back(process(640, 1500));
    EXPECT_EQ(verdict("temp-dir"), Verdict::unknown);
}
TEST_F(Machine, ANamespaceThatOnlyAMountKeepsIsLikely) {
    s.ipc.push_back({.ino = 2, .seen = true, .queues_seen = true, .empty = true, .way = "/run/ns"});
    EXPECT_EQ(verdict("ipc-namespace"), Verdict::likely);
    auto& fd = s.processes[0].fds.emplace_back();
    fd.fd = 5, fd.target = "/run/ns", s.namespace_dev = 4, fd.file.key = {4, 2};
    EXPECT_EQ(verdict("ipc-namespace"), Verdict::held);
    fd.file.key = {5, 2};
    hide_one();
    EXPECT_EQ(verdict("ipc-namespace"), Verdict::unknown);
}

// ---- what goes with its last user

TEST_F(Machine, APipeWithoutAReaderIsToldAsSuch) {
    auto& fd = s.processes[0].fds.emplace_back();
    fd.fd = 3, fd.target = "pipe:[42]", fd.file = {.key = {13, 42}, .mode = sys::type_fifo | 0600u}, fd.info.flags = 1;
    EXPECT_EQ(judged("pipe").diagnosis, "reader gone: SIGPIPE next");
    EXPECT_EQ(judged("pipe").verdict, Verdict::no_matter);
    s.processes.push_back(process(2, 5));
    s.processes[1].readable = false;
    EXPECT_EQ(judged("pipe").diagnosis, "no reader is seen");
    s.processes[1].readable = true;
    s.blind = {"what 1 processes sleep in"};
    EXPECT_EQ(judged("pipe").diagnosis, "no reader is seen");
    s.blind.clear();
    s.processes[1].fds = s.processes[0].fds;
    s.processes[1].fds[0].info.flags = 0;
    EXPECT_EQ(judged("pipe").diagnosis, "");
    s.processes[0].fds.clear();
    EXPECT_EQ(judged("pipe").diagnosis, "writer gone: end of file next");
    s.processes[0].fds.emplace_back().info.in_flight = 1;  // it may be the other end
    EXPECT_EQ(judged("pipe").diagnosis, "no writer is seen");
}

// ---- rules

TEST_F(Machine, TheFirstRuleThatHoldsDecides) {
    shared("cache-1");
    rules =
        parse_rules("ordinary posix-shm /cache-1\nprotect posix-shm /cache-* the nightly job reads it", "f").value();
    EXPECT_EQ(verdict("posix-shm"), Verdict::proven);
    EXPECT_FALSE(says(judged("posix-shm"), '+', "rule", "claimed"));
    rules.erase(rules.begin());
    const auto j = judged("posix-shm");
    EXPECT_EQ(j.verdict, Verdict::persists);
    EXPECT_EQ(j.evidence.back().text, "the nightly job reads it");
}
TEST_F(Machine, ARuleMayNameUsersAndKeys) {
    segment();
    rules = parse_rules("protect sysv-shm * key=0x50-0x5f why", "f").value();
    EXPECT_EQ(verdict("sysv-shm"), Verdict::persists);
    rules = parse_rules("protect sysv-shm * key=0x52", "f").value();
    EXPECT_EQ(verdict("sysv-shm"), Verdict::proven);
    rules = parse_rules("protect sysv-shm,sysv-sem * user=1000", "f").value();
    EXPECT_EQ(verdict("sysv-shm"), Verdict::persists);
    rules = parse_rules("protect sysv-shm * user=1001", "f").value();
    EXPECT_EQ(verdict("sysv-shm"), Verdict::proven);
}
TEST_F(Machine, AClaimHoldsWhileItsProgramLives) {
    segment();
    rules = parse_rules("claim sysv-shm * alive=process:post* a server runs", "f").value();
    s.processes.push_back(process(640, 5000, 1000, "postgres"));
    EXPECT_EQ(verdict("sysv-shm"), Verdict::held);
    s.processes.back().uid = s.processes.back().effective = 1001;  // another user's
    EXPECT_EQ(verdict("sysv-shm"), Verdict::proven);
    s.all_listed = false;
    EXPECT_EQ(verdict("sysv-shm"), Verdict::unknown);
}
TEST_F(Machine, WhetherAHiddenProgramLivesIsNotTold) {
    shared();
    rules = parse_rules("claim posix-shm /x alive=process:job a job's", "f").value();
    EXPECT_EQ(verdict("posix-shm"), Verdict::proven);
    s.all_listed = false;
    EXPECT_EQ(verdict("posix-shm"), Verdict::unknown);
}
TEST_F(Machine, AClaimOfADeadProgramSpeaksForAnOrphan) {
    shared("vader_segment.n1.1000.73dc0001.2");
    rules = parse_rules("claim posix-shm /vader_segment.* alive=mpi Open MPI's", "f").value();
    const auto j = judged("posix-shm");
    EXPECT_EQ(j.verdict, Verdict::proven);
    EXPECT_TRUE(says(j, '+', "rule", "dead"));
    EXPECT_EQ(j.evidence.front().text, "by its name it is Open MPI's; no process of that job lives");
}
TEST(Rules, TheOnesThatAreBuiltInParse) {
    const auto r = parse_rules(built_in_rules(), "built in");
    ASSERT_TRUE(r) << r.error().message();
    EXPECT_GT(r->size(), 20u);
    EXPECT_EQ(r->front().where, "built in:8");
}
TEST(Rules, ALineThatIsWrongIsNamed) {
    for (const auto& [line, part] : {std::pair{"protekt posix-shm /x", "\"protekt\" is no kind"},
                                     {"protect posix-shn /x", "did you mean \"posix-shm\"?"},
                                     {"protect posix-shm", "the pattern of a name is missing"},
                                     {"protect", "a kind is missing"},
                                     {"protect sysv-shm * key=0x5-0x4 x", "key=0x5-0x4"},
                                     {"protect sysv-shm * key=abc", "write key=0x5151"},
                                     {"protect sysv-shm * user=nobody-of-this-name", "there is no such user"},
                                     {"claim posix-shm /x alive=maybe", "alive=maybe"},
                                     {"claim posix-shm /x alive=process:", "alive=process:"},
                                     {"claim posix-shm * mine", "needs alive="},
                                     {"protect posix-shm /x colour=red", "\"colour=\" is no condition"}}) {
        const auto r = parse_rules(std::string("# a remark\n\nposix-shm /y a reason\n") + line, "/etc/f.conf");
        ASSERT_FALSE(r) << line;
        EXPECT_TRUE(r.error().message().starts_with("/etc/f.conf:4: ")) << r.error().message();
        EXPECT_TRUE(r.error().message().contains(part)) << r.error().message();
        EXPECT_TRUE(r.error().message().contains("as in: protect")) << r.error().message();
    }
}
TEST(Rules, AReasonMayHaveAnything) {
    const auto r = parse_rules("posix-shm /y* because a=b, and more", "f").value();
    ASSERT_EQ(r.size(), 1u);
    EXPECT_EQ(r[0].why, "because a=b, and more");
    EXPECT_EQ(r[0].what, Rule::What::protect);
}

}  // namespace
}  // namespace wye
