#include "wye/memory/file_map.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace wye;

namespace {

struct FileMapTest : ::testing::Test {
    test::TempDir dir;
    std::string path = dir / "pages";
    void write(const std::string& text) const { std::ofstream(path) << text; }
    std::string read() const {
        std::ostringstream all;
        all << std::ifstream(path).rdbuf();
        return all.str();
    }
};

void put(FileMap& m, std::size_t at, std::string_view text) {
    std::memcpy(m.mut_bytes().data() + at, text.data(), text.size());
}

}  // namespace

TEST_F(FileMapTest, what_is_written_is_in_the_file_at_once_and_after_a_kill) {
    write("hello, world");
    auto m = or_throw(FileMap::open(path));
    EXPECT_EQ(text_of(m.bytes()), "hello, world");
    put(m, 0, "HELLO");
    EXPECT_EQ(read(), "HELLO, world");
    for (const auto how : {Flush::started, Flush::on_disk}) WYE_ASSERT_OK(m.flush(how));
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    test::Child writer([&] {
        auto mine = or_throw(FileMap::open(path));
        put(mine, 7, "WORLD");
        (void)!::write(told[1], "x", 1);
        ::pause();
        return false;
    });
    char c;
    ASSERT_EQ(::read(told[0], &c, 1), 1);
    writer.kill();
    EXPECT_EQ(read(), "HELLO, WORLD");
    EXPECT_EQ(text_of(m.bytes()), "HELLO, WORLD");
    ::close(told[0]), ::close(told[1]);
}

TEST_F(FileMapTest, a_file_that_may_only_be_read_is_mapped_so) {
    write("read me");
    auto m = or_throw(FileMap::open(path, {{.writable = false}}));
    EXPECT_TRUE(m.mut_bytes().empty());
    EXPECT_EQ(text_of(m.bytes()), "read me");
    WYE_EXPECT_ERRC(Errc::unsupported, m.grow(100));
    WYE_ASSERT_OK(m.flush());
    const auto unread = or_throw(FileMap::open(path, {{.writable = false}, false}));
    EXPECT_EQ(text_of(unread.bytes()), "read me");
}

TEST_F(FileMapTest, an_empty_file_is_no_bytes_and_can_grow) {
    write("");
    EXPECT_EQ(or_throw(FileMap::open(path, {{.writable = false}})).size(), 0u);
    auto m = or_throw(FileMap::open(path));
    EXPECT_EQ(m.size(), 0u);
    WYE_ASSERT_OK(m.flush());
    WYE_ASSERT_OK(m.grow(10'000));
    EXPECT_EQ(std::filesystem::file_size(path), 10'000u);
    put(m, 9'990, "0123456789");
    WYE_ASSERT_OK(m.grow(20'000));
    WYE_ASSERT_OK(m.grow(5));
    EXPECT_EQ(m.size(), 20'000u);
    EXPECT_EQ(text_of(m.bytes().subspan(9'990, 10)), "0123456789");
}

TEST_F(FileMapTest, holes_are_given_room_before_it_is_mapped_to_be_written) {
    write("");
    ASSERT_EQ(::truncate(path.c_str(), 1 << 20), 0);
    const auto blocks = [&] {
        struct stat s{};
        EXPECT_EQ(::stat(path.c_str(), &s), 0);
        return s.st_blocks * 512;
    };
    WYE_ASSERT_OK(FileMap::open(path, {{.writable = false}, false}));
    EXPECT_LT(blocks(), 1 << 20);
    WYE_ASSERT_OK(FileMap::open(path));
    EXPECT_GE(blocks(), 1 << 20);
}

TEST_F(FileMapTest, a_full_disk_is_said_at_open_and_at_growth_and_leaves_all_as_it_was) {
    if (::geteuid() != 0) GTEST_SKIP() << "a small disk takes a mount namespace";
    const auto small_disk = [&] { return test::own_tmpfs(dir.path(), "size=64k"); };
    if (!test::Child(small_disk).ok()) GTEST_SKIP() << "no mount namespace here";
    test::Child child([&] {
        if (!small_disk()) return false;
        write("precious");
        auto m = or_throw(FileMap::open(path));
        WYE_EXPECT_ERRC(Errc::exhausted, m.grow(1 << 20));
        EXPECT_EQ(text_of(m.bytes()), "precious");
        EXPECT_TRUE(or_throw(m.whole()));
        put(m, 0, "PRECIOUS");
        if (::truncate(path.c_str(), 1 << 20) != 0) return false;  // holes, and no room for them
        for (const bool writable : {true, false})
            WYE_EXPECT_ERRC(Errc::exhausted, FileMap::open(path, {{.writable = writable}}));
        EXPECT_EQ(read().substr(0, 8), "PRECIOUS");
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST_F(FileMapTest, cut_off_or_replaced_by_others_it_says_so) {
    write(std::string(10'000, 'x'));
    auto m = or_throw(FileMap::open(path));
    EXPECT_TRUE(or_throw(m.whole()));
    ASSERT_EQ(::truncate(path.c_str(), 5'000), 0);
    EXPECT_FALSE(or_throw(m.whole()));
    EXPECT_FALSE(or_throw(m.retired()));
    std::ofstream(dir / "other") << "y";
    std::filesystem::rename(dir / "other", path);
    EXPECT_TRUE(or_throw(m.retired()));
}

TEST_F(FileMapTest, what_is_no_file_is_refused_and_a_link_is_followed) {
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    for (const bool writable : {true, false}) {
        WYE_EXPECT_ERRC(Errc::mismatch, FileMap::open(path, {{.writable = writable}}));
        WYE_EXPECT_ERRC(Errc::mismatch, FileMap::open(dir.path(), {{.writable = writable}}));
        WYE_EXPECT_ERRC(Errc::mismatch, FileMap::open("/dev/null", {{.writable = writable}}));
    }
    std::filesystem::remove(path);
    write("through");
    std::filesystem::create_symlink("pages", dir / "link");
    EXPECT_EQ(text_of(or_throw(FileMap::open(dir / "link")).bytes()), "through");
    std::filesystem::create_symlink("nowhere", dir / "dangling");
    WYE_EXPECT_ERRC(Errc::not_found, FileMap::open(dir / "dangling"));
    WYE_EXPECT_ERRC(Errc::already_exists, FileMap::open(dir / "dangling", {{.create = Create::if_missing, .size = 1}}));
    WYE_EXPECT_ERRC(Errc::not_found, FileMap::open(dir / "no/file", {{.create = Create::if_missing, .size = 1}}));
}

TEST_F(FileMapTest, a_new_file_is_named_when_it_is_whole_with_exact_permissions) {
    const auto mask = ::umask(077);
    const auto m =
        FileMap::open(path, {{.create = Create::exclusive, .permissions = 0664, .size = 5}}, [&](MutBytes b) {
            EXPECT_FALSE(std::filesystem::exists(path));
            std::memcpy(b.data(), "first", 5);
        });
    ::umask(mask);
    WYE_ASSERT_OK(m);
    EXPECT_EQ(read(), "first");
    struct stat s{};
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0664u);
    WYE_EXPECT_ERRC(Errc::mismatch, FileMap::open(path, {{.size = 6}}));
}

TEST_F(FileMapTest, a_relative_path_is_one_too) {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(dir.path());
    const auto m = FileMap::open("pages", {{.create = Create::exclusive, .size = 1}});
    std::filesystem::current_path(before);
    WYE_ASSERT_OK(m);
    EXPECT_TRUE(std::filesystem::exists(path));
}

TEST_F(FileMapTest, a_file_system_that_cannot_give_room_or_names_is_unsupported) {
    write("x");
    {
        const sys::Inject fault{{.call = sys::Call::fallocate, .error = EOPNOTSUPP}};
        WYE_EXPECT_ERRC(Errc::unsupported, FileMap::open(path));
    }
    std::filesystem::remove(path);
    const sys::Inject fault{{.call = sys::Call::open, .error = EISDIR}};
    WYE_EXPECT_ERRC(Errc::unsupported, FileMap::open(path, {{.create = Create::exclusive, .size = 1}}));
}
