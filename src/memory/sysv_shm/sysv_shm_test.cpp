#include "wye/memory/sysv_shm.hpp"

#include "wye/registry/open.hpp"

#include "support/stepper.hpp"
#include "support/support.hpp"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;

namespace {

// A segment of this test's own, removed at its end whatever happened.
class SysvShmTest : public ::testing::Test {
protected:
    std::string uri = bare(sysv_shm_mechanism.scratch("")[0]);
    std::int32_t key = static_cast<std::int32_t>(std::stoul(uri.substr(uri.find('=') + 1), nullptr, 16));
    SysvShm segment = or_throw(SysvShm::open(key, {.create = Create::exclusive, .size = 10'000}));
    ~SysvShmTest() override {
        (void)segment.remove();
        (void)remove(uri);
    }
    static std::string bare(std::string uri) { return uri.substr(0, uri.find('?')); }
};

struct Range {
    unsigned long from = 0, to = 0;
};
// The mapping whose line in /proc/self/maps has `text` in it.
Range mapping(const std::string& text) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (Range r; line.find(text) != std::string::npos && std::sscanf(line.c_str(), "%lx-%lx", &r.from, &r.to) == 2)
            return r;
    return {};
}

}  // namespace

TEST_F(SysvShmTest, stat_tells_who_made_it_who_used_it_last_and_when) {
    const auto self = ::getpid();
    auto s = or_throw(segment.stat());
    EXPECT_EQ(s.id, segment.id());
    EXPECT_EQ(s.key, key);
    EXPECT_EQ(s.owner, ::geteuid());
    EXPECT_EQ(s.creator, ::geteuid());
    EXPECT_EQ(s.mode, 0600u);
    EXPECT_EQ(s.size, 10'000u);
    EXPECT_EQ(s.attached, 1u);
    EXPECT_EQ(s.creator_pid, self);
    EXPECT_EQ(s.last_pid, self);
    EXPECT_LT(std::chrono::system_clock::now() - s.last_attach, 1min);
    EXPECT_EQ(s.last_detach, SysvShmStat::Time{});
    EXPECT_FALSE(s.removed);
    test::Child user([&] { return or_throw(or_throw(SysvShm::open(key)).stat()).attached >= 2; });
    const auto pid = user.pid();
    ASSERT_TRUE(user.ok());
    s = or_throw(segment.stat());
    EXPECT_EQ(s.last_pid, pid);
    EXPECT_EQ(s.creator_pid, self);
    EXPECT_EQ(s.attached, 1u);
    EXPECT_NE(s.last_detach, SysvShmStat::Time{});
}

TEST_F(SysvShmTest, it_lands_above_the_heap_and_below_the_stack) {
    const auto at = reinterpret_cast<unsigned long>(segment.bytes().data());
    const auto stack = mapping("[stack]"), heap = mapping("[heap]");
    char name[32];
    std::snprintf(name, sizeof name, "/SYSV%08x", static_cast<unsigned>(key));
    EXPECT_EQ(mapping(name).from, at);
    EXPECT_LT(at, stack.from);
    EXPECT_GT(at, heap.to);  // 0 where a sanitizer keeps the heap elsewhere
}

TEST_F(SysvShmTest, what_is_there_and_smaller_is_a_mismatch_with_both_sizes) {
    const auto r = SysvShm::open(key, {.size = 10'001});
    WYE_EXPECT_ERRC(Errc::mismatch, r);
    EXPECT_NE(r.error().message().find("10000"), std::string::npos) << r.error().message();
    WYE_EXPECT_ERRC(Errc::mismatch, SysvShm::open(key, {.create = Create::if_missing, .size = 10'001}));
    EXPECT_EQ(or_throw(segment.stat()).attached, 1u) << "a refused one is detached";
}

TEST_F(SysvShmTest, the_attach_of_a_user_killed_at_any_system_call_is_given_back) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const auto use = [&] {
        auto theirs = or_throw(SysvShm::open(key, {.create = Create::if_missing, .size = 10'000}));
        theirs.mut_bytes()[0] = std::byte{1};
    };
    bool seen_attached = false;
    const long all = test::calls([] {}, use);
    ASSERT_GT(all, 4);
    for (long i = 0; i <= all; ++i) {
        // The child of a fork begins with its parent's attachment, and so may count twice.
        test::Stepped user([&] { segment = or_throw(SysvShm::open_id(segment.id())); }, use);
        user.step_calls(i);
        seen_attached |= or_throw(segment.stat()).attached > 2;
        user.kill();
        const auto s = or_throw(segment.stat());
        EXPECT_EQ(s.attached, 1u) << "killed at stop " << i;
        EXPECT_EQ(s.key, key) << "killed at stop " << i;
    }
    EXPECT_TRUE(seen_attached);
    EXPECT_EQ(or_throw(or_throw(SysvShm::open(key)).stat()).id, segment.id());
}

// V5: the key makes a second segment while the first one lives on with its users.
TEST_F(SysvShmTest, removed_while_attached_it_has_no_key_and_is_seen_as_removed) {
    auto peer = or_throw(SysvShm::open_id(segment.id()));
    WYE_ASSERT_OK(segment.remove());
    WYE_EXPECT_ERRC(Errc::not_found, segment.remove());
    WYE_EXPECT_ERRC(Errc::not_found, SysvShm::open(key));
    auto s = or_throw(peer.stat());
    EXPECT_TRUE(s.removed);
    EXPECT_EQ(s.key, 0);
    auto second = or_throw(SysvShm::open(key, {.create = Create::if_missing, .size = 10'000}));
    EXPECT_NE(second.id(), peer.id());
    EXPECT_TRUE(or_throw(peer.retired()));
    EXPECT_FALSE(or_throw(second.retired()));
    peer.mut_bytes()[0] = std::byte{1};
    EXPECT_EQ(second.bytes()[0], std::byte{0});
    segment = std::move(second);
}

// The kernel would attach the old one by its id.
TEST_F(SysvShmTest, an_opener_that_is_overtaken_by_a_replacement_does_not_end_in_the_old_one) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    auto* const opened = static_cast<std::atomic<int>*>(page);
    unsigned before = 0, after = 0;
    for (long n = 1;; ++n) {
        *opened = -1;
        test::Stepped opener([] {},
                             [&] {
                                 if (const auto s = SysvShm::open(key, {.create = Create::if_missing, .size = 10'000}))
                                     *opened = s->id();
                             });
        if (opener.step_calls(n) < n) break;
        // One is ours, and one it has by fork().
        const bool attached = *opened != -1 || or_throw(segment.stat()).attached > 2;
        ++(attached ? after : before);
        const auto old = std::move(segment);
        WYE_ASSERT_OK(remove(uri));
        segment = or_throw(SysvShm::open(key, {.create = Create::exclusive, .size = 10'000}));
        opener.finish();
        EXPECT_TRUE(*opened == segment.id() || (attached && *opened == old.id())) << "overtaken at stop " << n;
    }
    EXPECT_GE(before, 4u);
    EXPECT_GE(after, 2u);
    ::munmap(page, 4096);
}

// V9
TEST_F(SysvShmTest, removed_early_it_goes_with_its_last_user_however_that_one_ends) {
    const int id = segment.id();
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    test::Child user([&] {
        auto mine = or_throw(SysvShm::open(key));
        (void)!::write(told[1], "x", 1);
        ::pause();
        return mine.size() > 0;
    });
    char c;
    ASSERT_EQ(::read(told[0], &c, 1), 1);
    WYE_ASSERT_OK(segment.remove());
    { const auto last = std::move(segment); }
    WYE_ASSERT_OK(SysvShm::open_id(id));
    user.kill();
    WYE_EXPECT_ERRC(Errc::not_found, SysvShm::open_id(id));
    ::close(told[0]), ::close(told[1]);
    segment = or_throw(SysvShm::open(key, {.create = Create::exclusive, .size = 1}));
}

TEST_F(SysvShmTest, only_its_owner_removes_it) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    WYE_ASSERT_OK(segment.remove());
    segment = or_throw(SysvShm::open(key, {.create = Create::exclusive, .permissions = 0666, .size = 4096}));
    test::Child other([&] {
        if (::setuid(65534) != 0) return false;
        auto mine = or_throw(SysvShm::open(key));
        WYE_EXPECT_ERRC(Errc::denied, mine.remove());
        WYE_EXPECT_ERRC(Errc::denied, remove(uri));
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(other.ok());
    EXPECT_FALSE(or_throw(segment.retired()));
}

// V6: ENOSPC is not a disk.
TEST_F(SysvShmTest, a_limit_that_is_reached_is_named_with_its_use_and_its_user) {
    if (::geteuid() != 0) GTEST_SKIP() << "lowering a limit takes a namespace";
    const auto limited = [&](const char* file, const char* value, const char* shown) {
        return test::Child([=, this] {
                   if (::unshare(CLONE_NEWIPC) != 0) return false;
                   auto one = or_throw(SysvShm::open(key, {.create = Create::exclusive, .size = 8192}));
                   (std::ofstream(std::string("/proc/sys/kernel/") + file) << value).flush();
                   const auto r = SysvShm::open(key + 1, {.create = Create::exclusive, .size = 16384});
                   WYE_EXPECT_ERRC(Errc::exhausted, r);
                   const auto text = r ? "" : r.error().message();
                   for (const auto* part : {shown, file, "16384 bytes", "user 0 has the most, 8192 bytes"})
                       EXPECT_NE(text.find(part), std::string::npos) << part << ": " << text;
                   WYE_EXPECT_ERRC(Errc::not_found, SysvShm::open(key + 1));
                   return !::testing::Test::HasFailure();
               })
            .ok();
    };
    if (!test::Child([] { return ::unshare(CLONE_NEWIPC) == 0; }).ok()) GTEST_SKIP() << "no ipc namespace here";
    EXPECT_TRUE(limited("shmmni", "1", "1 of 1 segments"));
    EXPECT_TRUE(limited("shmall", "3", "2 of 3 pages"));
    EXPECT_TRUE(limited("shmmax", "10000", "one may have 10000 bytes"));
}

TEST_F(SysvShmTest, the_list_and_ipcs_see_it) {
    bool listed = false;
    WYE_ASSERT_OK(sysv_shm_mechanism.list([&](const Object& o) {
        if (o.uri == uri) listed = o.bytes == 10'000 && o.items == 1 && o.mode == 0600 && o.owner == ::geteuid();
    }));
    EXPECT_TRUE(listed);
    EXPECT_EQ(::shmget(key, 0, 0), segment.id());
    auto by_id = or_throw(open_segment("sysv-shm:id=" + std::to_string(segment.id())));
    by_id.mut_bytes()[5] = std::byte{5};
    EXPECT_EQ(segment.bytes()[5], std::byte{5});
}

TEST(SysvShm, a_path_and_a_number_give_the_key_of_ftok) {
    const test::TempDir dir;
    const auto path = dir / "anchor", uri = "sysv-shm:" + path;
    WYE_EXPECT_ERRC(Errc::not_found, make(uri + "?size=1K#7"));
    std::ofstream(path) << "x";
    EXPECT_EQ(or_throw(SysvShm::key_of(path, 7)), ::ftok(path.c_str(), 7));
    WYE_ASSERT_OK(make(uri + "?size=1K#7", {.permissions = 0640}));
    EXPECT_EQ(or_throw(open_segment(uri + "#7")).size(), 1024u);
    const int id = ::shmget(::ftok(path.c_str(), 7), 0, 0);
    EXPECT_EQ(or_throw(or_throw(SysvShm::open_id(id)).stat()).mode, 0640u);
    WYE_ASSERT_OK(wye::remove(uri + "#7"));
    WYE_EXPECT_ERRC(Errc::not_found, open_segment(uri + "#7"));
}

TEST(SysvShm, a_uri_that_contradicts_itself_is_refused) {
    for (const auto* uri :
         {"sysv-shm:", "sysv-shm:/etc/hostname", "sysv-shm:/etc/hostname#0", "sysv-shm:key=0", "sysv-shm:key=0x51#3",
          "sysv-shm:key=0x51?size=0", "sysv-shm:key=0x51?size=x", "sysv-shm:key=0x51?type=3", "sysv-shm:relative#1"})
        WYE_EXPECT_ERRC(Errc::bad_address, open_segment(uri));
    WYE_EXPECT_ERRC(Errc::bad_address, make("sysv-shm:key=0x51"));
    WYE_EXPECT_ERRC(Errc::bad_address, make("sysv-shm:id=5?size=1K"));
    WYE_EXPECT_ERRC(Errc::bad_address, SysvShm::open(0, {.create = Create::if_missing, .size = 1}));
}
