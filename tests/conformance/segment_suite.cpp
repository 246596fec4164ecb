// The promises that all shared memory keeps, a function each, guarded by the traits.
#include "wye/memory/file_map.hpp"
#include "wye/memory/memfd.hpp"
#include "wye/memory/posix_shm.hpp"
#include "wye/memory/sysv_shm.hpp"
#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 10s;  // far beyond what any step needs: reaching it is a failure
constexpr std::size_t size = 64 * 1024;

using Word = std::uint32_t;

// A word both sides agree on, at the beginning of the pages.
std::atomic_ref<Word> word(Segment& s, std::size_t n = 0) {
    return std::atomic_ref<Word>(reinterpret_cast<Word*>(s.mut_bytes().data())[n]);
}

bool reach(Segment& s, std::size_t n, Word wanted) {
    for (const Deadline d = patience; !d.passed(); ::usleep(200))
        if (word(s, n).load() >= wanted) return true;
    return false;
}

bool all_are(Bytes b, char c) {
    return std::ranges::all_of(b, [&](std::byte x) { return x == static_cast<std::byte>(c); });
}

constexpr auto fill = [](MutBytes b) { std::ranges::fill(b, std::byte{'f'}); };

/// One object, and how it is made, opened and removed.
class Rig {
public:
    virtual ~Rig() = default;
    /// Full of 'f' before anybody can see it, where `filled` and the kind can do that.
    virtual Result<Segment> open(const SegmentOptions&, bool filled = false) = 0;
    virtual Result<> remove() = 0;
    virtual bool there() = 0;
    /// In a child: takes the room away, so that `size` bytes do not fit; false where this user may not.
    virtual bool crowd() { return false; }
    Result<Segment> make() { return open({.create = Create::exclusive, .size = size}); }
    Result<Segment> join() { return open({}); }
};

bool own_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

class Named : public Rig {
public:
    explicit Named(const char* scheme) {
        uri = find_mechanism(scheme)->scratch("")[0];
        uri.resize(uri.find('?'));
    }
    ~Named() override { (void)wye::remove(uri); }
    Result<Segment> open(const SegmentOptions& o, bool) override { return open_segment(uri, o); }
    Result<> remove() override { return wye::remove(uri); }
    bool there() override { return wye::remove(uri, {.dry_run = true}).has_value(); }
    std::string uri;
};

class Sysv final : public Named {
public:
    Sysv() : Named("sysv-shm") {}
    bool crowd() override {
        return ::unshare(CLONE_NEWIPC) == 0 && (std::ofstream("/proc/sys/kernel/shmall") << "4").flush().good();
    }
};

class Posix final : public Named {
public:
    Posix() : Named("posix-shm") {}
    Result<Segment> open(const SegmentOptions& o, bool filled) override {
        if (!filled) return Named::open(o, false);
        WYE_TRY(auto s, PosixShm::open(uri.substr(uri.find('/')), o, fill));
        return Segment(std::move(s));
    }
    bool crowd() override { return own_mounts() && ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=16k") == 0; }
};

class File final : public Rig {
public:
    File() { std::filesystem::permissions(directory_.path(), std::filesystem::perms::all); }
    Result<Segment> open(const SegmentOptions& o, bool filled) override {
        WYE_TRY(auto s, FileMap::open(path_, {o}, filled ? FillSegment(fill) : FillSegment()));
        return Segment(std::move(s));
    }
    Result<> remove() override { return wye::remove("file:" + path_); }
    bool there() override { return std::filesystem::exists(path_); }
    bool crowd() override {
        return own_mounts() && ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, "size=16k") == 0;
    }

private:
    TempDir directory_;
    std::string path_ = directory_ / "pages";
};

// Its name is a descriptor, which children inherit.
class Anonymous final : public Rig {
public:
    Result<Segment> open(const SegmentOptions& o, bool) override {
        if (o.create == Create::never) {
            WYE_TRY(auto s, Memfd::accept(Fd(::dup(fd_.get())), {.seals = Seals::fixed_size, .size = o.size}));
            return Segment(std::move(s));
        }
        WYE_TRY(auto s, Memfd::make({.size = o.size}));
        WYE_CHECK(s.seal(Seals::fixed_size));
        fd_ = Fd(::dup(s.native_handle()));
        return Segment(std::move(s));
    }
    Result<> remove() override {
        fd_ = Fd();
        return {};
    }
    bool there() override { return !(fd_ == nullptr); }

private:
    Fd fd_;
};

struct Subject {
    const char* name;
    Traits traits;
    bool fills;  // made in one step, content and all
    std::unique_ptr<Rig> (*rig)();
};
void PrintTo(const Subject& s, std::ostream* out) { *out << s.name; }

template <class R>
std::unique_ptr<Rig> rig_of() {
    return std::make_unique<R>();
}

const Subject subjects[] = {
    {"sysv_shm", SysvShm::traits, false, rig_of<Sysv>},
    {"posix_shm", PosixShm::traits, true, rig_of<Posix>},
    {"memfd", Memfd::traits, false, rig_of<Anonymous>},
    {"file_map", FileMap::traits, true, rig_of<File>},
};

class Segments : public ::testing::TestWithParam<Subject> {
protected:
    void SetUp() override {
        before_ = open_descriptors();
        rig = GetParam().rig();
    }
    void TearDown() override {
        if (rig->there()) expect_ok(rig->remove());
        EXPECT_FALSE(rig->there());
        rig.reset();
        EXPECT_EQ(open_descriptors(), before_) << "descriptors are left open";
    }
    static void expect_ok(const Result<>& r) { EXPECT_TRUE(r.has_value()) << r.error().message(); }
    bool named() const { return GetParam().traits.relation == Relation::any; }

    std::unique_ptr<Rig> rig;

private:
    std::vector<int> before_;
};

#define NEEDS_A_NAME \
    if (!named()) GTEST_SKIP() << "has no name"

}  // namespace

TEST_P(Segments, two_processes_see_each_others_writes) {
    auto mine = or_throw(rig->make());
    Child other([&] {
        auto theirs = or_throw(rig->join());
        if (theirs.size() != size || !reach(theirs, 0, 1)) return false;
        if (!all_are(theirs.bytes().subspan(64), 'a')) return false;
        std::ranges::fill(theirs.mut_bytes().subspan(64), std::byte{'b'});
        word(theirs, 1).store(1);
        return true;
    });
    std::ranges::fill(mine.mut_bytes().subspan(64), std::byte{'a'});
    word(mine, 0).store(1);
    EXPECT_TRUE(reach(mine, 1, 1));
    EXPECT_TRUE(all_are(mine.bytes().subspan(64), 'b'));
    EXPECT_TRUE(other.ok());
}

TEST_P(Segments, new_pages_are_zero_and_as_many_as_asked_for) {
    auto s = or_throw(rig->open({.create = Create::exclusive, .size = 10'001}));
    EXPECT_EQ(s.size(), 10'001u);
    EXPECT_EQ(s.mut_bytes().data(), s.bytes().data());
    EXPECT_TRUE(all_are(s.bytes(), '\0'));
    EXPECT_EQ(or_throw(rig->join()).size(), 10'001u);
    EXPECT_EQ(or_throw(rig->open({.size = 10'001})).size(), 10'001u);
    WYE_EXPECT_ERRC(Errc::mismatch, rig->open({.size = 10'002}));
    EXPECT_FALSE(or_throw(s.retired()));
}

TEST_P(Segments, mapped_to_be_read_only_there_is_nothing_to_write_to) {
    NEEDS_A_NAME;
    auto s = or_throw(rig->make());
    auto reader = or_throw(rig->open({.writable = false}));
    EXPECT_TRUE(reader.mut_bytes().empty());
    word(s).store(7);
    EXPECT_EQ(reader.bytes()[0], std::byte{7});
}

TEST_P(Segments, making_says_what_is_missing_and_what_is_there) {
    WYE_EXPECT_ERRC(Errc::bad_address, rig->open({.create = Create::exclusive}));
    NEEDS_A_NAME;
    WYE_EXPECT_ERRC(Errc::not_found, rig->join());
    WYE_EXPECT_ERRC(Errc::bad_address, rig->open({.create = Create::if_missing}));
    EXPECT_FALSE(rig->there());
    WYE_ASSERT_OK(rig->make());
    WYE_EXPECT_ERRC(Errc::already_exists, rig->make());
    WYE_ASSERT_OK(rig->open({.create = Create::if_missing, .size = size}));
    WYE_ASSERT_OK(rig->open({.create = Create::if_missing}));
    WYE_ASSERT_OK(rig->remove());
    WYE_EXPECT_ERRC(Errc::not_found, rig->remove());
}

TEST_P(Segments, several_makers_at_once_make_one) {
    NEEDS_A_NAME;
    constexpr Word makers = 4;
    auto gate = or_throw(Memfd::make({.size = 4096}));
    const auto arrived = [&] { return std::atomic_ref<Word>(*reinterpret_cast<Word*>(gate.mut_bytes().data())); };
    for (int round = 0; round < 10; ++round) {
        arrived().store(0);
        std::vector<Child> all;
        for (Word i = 0; i < makers; ++i)
            all.emplace_back([&] {
                arrived().fetch_add(1);
                for (const Deadline d = patience; arrived().load() < makers && !d.passed();) ::sched_yield();
                auto s = or_throw(rig->open({.create = Create::if_missing, .size = size}));
                word(s).fetch_add(1);
                return s.size() == size;
            });
        for (auto& c : all) EXPECT_TRUE(c.ok());
        auto s = or_throw(rig->join());
        ASSERT_EQ(word(s).load(), makers);
        WYE_ASSERT_OK(rig->remove());
    }
}

// Nothing, or a segment of the whole size; and of the whole content where that is promised. System V names a segment
// in the call that makes it, so there the content comes later.
TEST_P(Segments, a_maker_killed_at_any_system_call_leaves_all_or_nothing) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    NEEDS_A_NAME;
    const auto body = [&] { (void)rig->open({.create = Create::exclusive, .size = size}, true); };
    unsigned with = 0, without = 0;
    for (long n = 1;; ++n) {
        Stepped maker([] {}, body);
        if (maker.step_calls(n) < n) break;
        maker.kill();
        ASSERT_LT(n, 500);
        if (!rig->there()) {
            ++without;
            continue;
        }
        ++with;
        const auto s = or_throw(rig->join());
        EXPECT_EQ(s.size(), size) << "killed at stop " << n;
        EXPECT_TRUE(all_are(s.bytes(), GetParam().fills ? 'f' : '\0')) << "killed at stop " << n;
        WYE_ASSERT_OK(rig->remove());
    }
    if (rig->there()) expect_ok(rig->remove());
    EXPECT_GT(with, 0u);
    EXPECT_GT(without, 0u);
}

TEST_P(Segments, whichever_call_fails_nothing_is_left) {
    unsigned failed = 0;
    for (unsigned n = 1; n < 200; ++n) {
        const auto before = open_descriptors();
        {
            const sys::Inject fault{{.call = sys::Call::any, .nth = n, .error = EIO}};
            const auto s = rig->open({.create = Create::exclusive, .size = size}, true);
            if (fault.hits() == 0) break;
            failed += !s;
            EXPECT_TRUE(s || !rig->there()) << "call " << n;
        }
        if (rig->there()) expect_ok(rig->remove());
        EXPECT_EQ(open_descriptors(), before) << "call " << n;
    }
    EXPECT_GT(failed, 2u);
}

TEST_P(Segments, without_room_it_is_exhausted_and_nothing_is_left) {
    if (::geteuid() != 0) GTEST_SKIP() << "taking the room away takes a namespace";
    if (!named()) GTEST_SKIP() << "nothing but the memory of the machine limits it";
    if (!Child([&] { return rig->crowd(); }).ok()) GTEST_SKIP() << "no namespace of our own here";
    Child child([&] {
        if (!rig->crowd()) return false;
        WYE_EXPECT_ERRC(Errc::exhausted, rig->make());
        EXPECT_FALSE(rig->there());
        auto little = or_throw(rig->open({.create = Create::exclusive, .size = 4096}));
        word(little).store(1);
        expect_ok(rig->remove());
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST_P(Segments, a_user_that_is_killed_takes_nothing_with_it) {
    auto mine = or_throw(rig->make());
    Child user([&] {
        auto theirs = or_throw(rig->join());
        std::ranges::fill(theirs.mut_bytes().subspan(64), std::byte{'u'});
        word(theirs).store(1);
        ::pause();
        return false;
    });
    ASSERT_TRUE(reach(mine, 0, 1));
    user.kill();
    EXPECT_TRUE(all_are(mine.bytes().subspan(64), 'u'));
    EXPECT_TRUE(all_are(or_throw(rig->join()).bytes().subspan(64), 'u'));
}

TEST_P(Segments, a_user_killed_at_any_system_call_takes_nothing_with_it) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    auto mine = or_throw(rig->make());
    std::ranges::fill(mine.mut_bytes(), std::byte{'m'});
    const auto use = [&] { or_throw(rig->join()).mut_bytes()[0] = std::byte{'m'}; };
    const long all = calls([] {}, use);
    ASSERT_GT(all, 4);
    for (long i = 0; i <= all; ++i) {
        Stepped user([] {}, use);
        user.step_calls(i);
        user.kill();
        EXPECT_FALSE(or_throw(mine.retired()));
        ASSERT_TRUE(all_are(or_throw(rig->join()).bytes(), 'm')) << "killed at stop " << i << " of " << all;
    }
}

// S8: SIGBUS and SIGSEGV are the program's own business, as all the others are.
TEST_P(Segments, what_signals_do_is_left_to_the_program) {
    const auto dispositions = [] {
        std::vector<void*> all;
        for (int n = 1; n <= SIGRTMAX; ++n) {
            struct sigaction a{};
            all.push_back(::sigaction(n, nullptr, &a) == 0 ? reinterpret_cast<void*>(a.sa_handler) : nullptr);
        }
        return all;
    };
    Child program([&] {
        ::signal(SIGBUS, [](int) { ::_exit(77); });
        const auto before = dispositions();
        const auto s = or_throw(rig->make());
        const auto other = or_throw(rig->join());
        EXPECT_EQ(dispositions(), before);
        // A page that is not there any more: the program's handler has it.
        const int fd = static_cast<int>(::memfd_create("cut", MFD_CLOEXEC));
        void* const page =
            ::ftruncate(fd, 4096) == 0 ? ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (page == MAP_FAILED || ::ftruncate(fd, 0) != 0 || ::testing::Test::HasFailure()) return false;
        (void)*static_cast<const volatile char*>(page);
        return false;
    });
    EXPECT_FALSE(program.ok());
    EXPECT_EQ(program.exit_code(), 77);
}

TEST_P(Segments, a_forked_child_has_the_pages_and_its_end_is_not_ours) {
    auto mine = std::make_unique<Segment>(or_throw(rig->make()));
    Child child([&] {
        word(*mine).store(1);
        mine.reset();
        return rig->there();
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(word(*mine).load(), 1u);
    EXPECT_TRUE(all_are(mine->bytes().subspan(64), '\0'));
}

TEST_P(Segments, removed_and_made_again_the_old_one_knows_that_it_is_alone) {
    NEEDS_A_NAME;
    auto before = or_throw(rig->make());
    auto peer = or_throw(rig->join());
    EXPECT_FALSE(or_throw(before.retired()));
    WYE_ASSERT_OK(rig->remove());
    EXPECT_TRUE(or_throw(before.retired()));
    auto after = or_throw(rig->make());
    word(before).store(1), word(after).store(2);
    EXPECT_EQ(word(peer).load(), 1u) << "the old ones still have each other";
    EXPECT_EQ(word(after).load(), 2u);
    EXPECT_TRUE(or_throw(peer.retired()));
    EXPECT_FALSE(or_throw(after.retired()));
}

// P4: peers that ask when it is quiet all come to the new one.
TEST_P(Segments, peers_of_a_replaced_segment_all_come_to_the_new_one) {
    NEEDS_A_NAME;
    constexpr Word peers = 3;
    auto old = or_throw(rig->make());
    std::vector<Child> all;
    for (Word i = 0; i < peers; ++i)
        all.emplace_back([&] {
            auto s = or_throw(rig->join());
            word(s).fetch_add(1);
            for (const Deadline d = patience; !d.passed(); ::usleep(500)) {
                if (!or_throw(s.retired())) continue;
                auto next = rig->join();
                if (!next) continue;  // not made yet
                word(*next).fetch_add(1);
                return true;
            }
            return false;
        });
    ASSERT_TRUE(reach(old, 0, peers));
    WYE_ASSERT_OK(rig->remove());
    auto fresh = or_throw(rig->make());
    EXPECT_TRUE(reach(fresh, 0, peers));
    for (auto& c : all) EXPECT_TRUE(c.ok());
}

TEST_P(Segments, what_a_stranger_made_under_our_name_is_refused) {
    NEEDS_A_NAME;
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    Child squatter([&] {
        return ::setuid(65534) == 0 &&
               rig->open({.create = Create::exclusive, .permissions = 0666, .size = size}).has_value();
    });
    ASSERT_TRUE(squatter.ok());
    WYE_EXPECT_ERRC(Errc::denied, rig->open({.create = Create::if_missing, .size = size}));
    WYE_EXPECT_ERRC(Errc::already_exists, rig->make());
    WYE_ASSERT_OK(rig->join());  // meant, when it is asked for as it is
}

TEST_P(Segments, another_user_gets_in_by_the_permissions_alone) {
    NEEDS_A_NAME;
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    WYE_ASSERT_OK(rig->make());
    const auto as_other = [&](auto what) { return Child([&] { return ::setuid(65534) == 0 && what(); }).ok(); };
    EXPECT_TRUE(as_other([&] { return rig->join().error().is(Errc::denied); }));
    EXPECT_TRUE(as_other([&] { return rig->open({.writable = false}).error().is(Errc::denied); }));
    WYE_ASSERT_OK(rig->remove());
    const auto mask = ::umask(077);
    const auto made = rig->open({.create = Create::exclusive, .permissions = 0644, .size = size});
    ::umask(mask);
    WYE_ASSERT_OK(made);
    EXPECT_TRUE(as_other([&] { return rig->open({.writable = false}).has_value(); }));
    EXPECT_TRUE(as_other([&] { return rig->join().error().is(Errc::denied); }));
}

TEST_P(Segments, under_a_storm_of_signals) {
    const EintrStorm storm;
    for (int i = 0; i < 3; ++i) {
        auto s = or_throw(rig->open({.create = Create::exclusive, .size = 8 << 20}));
        EXPECT_EQ(s.size(), 8u << 20);
        WYE_ASSERT_OK(rig->join());
        WYE_ASSERT_OK(rig->remove());
    }
}

INSTANTIATE_TEST_SUITE_P(Rooms, Segments, ::testing::ValuesIn(subjects),
                         [](const auto& i) { return std::string(i.param.name); });

TEST(SegmentCoverage, every_room_of_the_registry_that_is_memory_is_a_subject) {
    for (const auto* m : mechanisms()) {
        const auto same = [&](const Subject& s) { return s.traits.scheme == m->traits.scheme; };
        EXPECT_TRUE(!m->open_segment || std::ranges::any_of(subjects, same)) << m->traits.scheme;
    }
    WYE_EXPECT_ERRC(Errc::unsupported, open_segment("fifo:/x"));
    WYE_EXPECT_ERRC(Errc::unsupported, open("posix-shm:/x"));
}

}  // namespace wye::test
