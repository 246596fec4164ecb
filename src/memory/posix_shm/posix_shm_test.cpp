#include "wye/memory/posix_shm.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

using namespace wye;

namespace {

// A name of this test's own, removed at its end whatever lies there.
struct Name {
    std::string name = "/" + test::unique_name("wye-shm"), path = "/dev/shm" + name;
    ~Name() {
        std::error_code e;
        std::filesystem::remove(path, e);
    }
};

unsigned mode_of(const std::string& path) {
    struct stat s{};
    return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 0777 : 0;
}

}  // namespace

TEST(PosixShm, shm_open_and_we_have_the_same_pages) {
    const Name n;
    auto ours = or_throw(PosixShm::open(n.name, {.create = Create::exclusive, .size = 4096}));
    const int fd = ::shm_open(n.name.c_str(), O_RDWR, 0);
    ASSERT_GE(fd, 0);
    ours.mut_bytes()[100] = std::byte{42};
    char c = 0;
    EXPECT_EQ(::pread(fd, &c, 1, 100), 1);
    EXPECT_EQ(c, 42);
    ::close(fd);
    ASSERT_EQ(::shm_unlink(n.name.c_str()), 0);
    EXPECT_TRUE(or_throw(ours.retired()));

    const int theirs = ::shm_open(n.name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    ASSERT_GE(theirs, 0);
    WYE_EXPECT_ERRC(Errc::mismatch, PosixShm::open(n.name));  // named before it has its size
    WYE_EXPECT_ERRC(Errc::mismatch, PosixShm::open(n.name, {.create = Create::if_missing, .size = 4096}));
    ASSERT_EQ(::ftruncate(theirs, 8192), 0);
    EXPECT_EQ(or_throw(PosixShm::open(n.name)).size(), 8192u);
    ::close(theirs);
}

TEST(PosixShm, permissions_are_exact_whatever_the_umask) {
    for (const mode_t mask : {0u, 077u})
        for (const unsigned mode : {0600u, 0666u, 0640u}) {
            const Name n;
            const auto before = ::umask(mask);
            const auto s = PosixShm::open(n.name, {.create = Create::exclusive, .permissions = mode, .size = 1});
            ::umask(before);
            WYE_ASSERT_OK(s);
            EXPECT_EQ(mode_of(n.path), mode);
        }
}

TEST(PosixShm, what_is_no_file_under_the_name_is_refused) {
    const Name n;
    const auto refused = [&] {
        WYE_EXPECT_ERRC(Errc::mismatch, PosixShm::open(n.name));
        WYE_EXPECT_ERRC(Errc::mismatch, PosixShm::open(n.name, {.create = Create::if_missing, .size = 1}));
        EXPECT_FALSE(wye::remove("posix-shm:" + n.name).has_value());
        EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(n.path)));
        std::filesystem::remove(n.path);
    };
    ASSERT_EQ(::mkfifo(n.path.c_str(), 0600), 0);
    refused();
    ASSERT_EQ(::mkdir(n.path.c_str(), 0700), 0);
    refused();
    const test::TempDir dir;
    std::filesystem::copy_file("/etc/passwd", dir / "target");
    ASSERT_EQ(::symlink((dir / "target").c_str(), n.path.c_str()), 0);
    refused();
    ASSERT_EQ(::symlink("nowhere", n.path.c_str()), 0);
    refused();
}

TEST(PosixShm, a_name_that_is_none_is_refused) {
    for (const std::string name : {"", "x", "/", "/.", "/..", "/a/b", "/../etc/passwd"})
        WYE_EXPECT_ERRC(Errc::bad_address, PosixShm::open(name, {.create = Create::if_missing, .size = 1}));
    WYE_EXPECT_ERRC(Errc::bad_address, PosixShm::open("/" + std::string(256, 'x')));
    WYE_EXPECT_ERRC(Errc::bad_address, PosixShm::open(std::string("/a\0b", 4)));
    for (const auto* uri : {"posix-shm:", "posix-shm:x", "posix-shm:/a/b", "posix-shm:/x?size=0", "posix-shm:/x?size=z",
                            "posix-shm:/x?depth=1", "posix-shm:/x#1"})
        WYE_EXPECT_ERRC(Errc::bad_address, open_segment(uri));
    WYE_EXPECT_ERRC(Errc::bad_address, make("posix-shm:/x"));
}

TEST(PosixShm, the_uri_has_the_size_and_the_list_shows_it) {
    const Name n;
    const auto uri = "posix-shm:" + n.name;
    WYE_ASSERT_OK(make(uri + "?size=64K", {.permissions = 0640}));
    EXPECT_EQ(or_throw(open_segment(uri)).size(), 65536u);
    WYE_EXPECT_ERRC(Errc::mismatch, open_segment(uri + "?size=65K"));
    bool listed = false;
    WYE_ASSERT_OK(posix_shm_mechanism.list([&](const Object& o) {
        if (o.uri == uri) listed = o.bytes == 65536 && o.mode == 0640 && o.owner == ::geteuid();
    }));
    EXPECT_TRUE(listed);
    WYE_ASSERT_OK(wye::remove(uri + "?size=64K"));
    WYE_EXPECT_ERRC(Errc::not_found, wye::remove(uri));
}

TEST(PosixShm, the_first_content_is_seen_by_nobody_before_it_is_whole) {
    const Name n;
    const auto s = PosixShm::open(n.name, {.create = Create::exclusive, .size = 4096}, [&](MutBytes b) {
        WYE_EXPECT_ERRC(Errc::not_found, PosixShm::open(n.name));
        std::ranges::fill(b, std::byte{'x'});
    });
    WYE_ASSERT_OK(s);
    const auto again = or_throw(PosixShm::open(n.name, {.create = Create::if_missing, .size = 4096},
                                               [](MutBytes) { ADD_FAILURE() << "it was there"; }));
    EXPECT_EQ(again.bytes()[4095], std::byte{'x'});
}

// P5: a file that promises more than the tmpfs has would be SIGBUS at the first touch.
TEST(PosixShm, a_strangers_file_with_holes_on_a_full_dev_shm_is_exhausted_and_no_sigbus) {
    const Name n;
    const auto small = [] { return test::own_tmpfs("/dev/shm", "size=1m"); };
    if (!test::Child(small).ok()) GTEST_SKIP() << "a small /dev/shm takes a mount namespace";
    test::Child child([&] {
        if (!small()) return false;
        const int fd = ::open(n.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (::ftruncate(fd, 4 << 20) != 0) return false;
        for (const bool writable : {true, false})
            WYE_EXPECT_ERRC(Errc::exhausted, PosixShm::open(n.name, {.writable = writable}));
        WYE_EXPECT_ERRC(Errc::already_exists, PosixShm::open(n.name, {.create = Create::exclusive, .size = 4 << 20}));
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST(PosixShm, above_the_limit_of_file_sizes_it_is_exhausted_and_no_signal) {
    const Name n;
    test::Child child([&] {
        const rlimit l{4096, 4096};
        if (::setrlimit(RLIMIT_FSIZE, &l) != 0) return false;
        WYE_EXPECT_ERRC(Errc::exhausted, PosixShm::open(n.name, {.create = Create::exclusive, .size = 4097}));
        return PosixShm::open(n.name, {.create = Create::exclusive, .size = 4096}).has_value() &&
               !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
    WYE_EXPECT_ERRC(Errc::exhausted, PosixShm::open(n.name + "2", {.create = Create::exclusive, .size = SIZE_MAX}));
}

TEST(PosixShm, a_signal_in_the_middle_does_not_begin_it_again_for_ever) {
    const Name n;
    const sys::Inject fault{{.call = sys::Call::fallocate, .error = EINTR},
                            {.call = sys::Call::madvise, .error = EINTR}};
    const auto s = or_throw(PosixShm::open(n.name, {.create = Create::exclusive, .size = 3 << 20}));
    EXPECT_EQ(fault.hits(), 2u);
    EXPECT_EQ(s.bytes().back(), std::byte{0});
}
