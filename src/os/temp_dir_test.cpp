#include "wye/os/temp_dir.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace wye;
namespace fs = std::filesystem;

namespace {

class TempDirTest : public ::testing::Test {
protected:
    wye::TempDir make() { return or_throw(wye::TempDir::make("t", base.path())); }
    bool nothing_left() const { return fs::is_empty(base.path()); }

    test::TempDir base;
    test::TempDir outside;
};

TEST_F(TempDirTest, it_is_ours_alone_and_goes_with_everything_in_it) {
    ::umask(0);
    std::string path;
    {
        const auto d = make();
        path = d.path();
        struct stat s{};
        ASSERT_EQ(::stat(path.c_str(), &s), 0);
        EXPECT_EQ(s.st_mode & 07777, 0700u);
        EXPECT_EQ(s.st_uid, ::geteuid());
        WYE_ASSERT_OK(d.create("file"));
        fs::create_directories(path + "/a/b/c");
        std::ofstream(path + "/a/b/x") << "x";
    }
    ::umask(022);
    EXPECT_TRUE(nothing_left());
}

TEST_F(TempDirTest, hostile_names_are_removed_like_any_other) {
    auto d = make();
    for (const std::string name : {"a\nb", "-rf", " ", "...", "..x", "\x01\xff\xfe", "$(touch x)", "*"}) {
        std::ofstream(d.path() + "/" + name) << "x";
        fs::create_directory(d.path() + "/d" + name);
        std::ofstream(d.path() + "/d" + name + "/" + name) << "x";
    }
    std::ofstream(d.path() + "/" + std::string(255, 'n')) << "x";
    ::mkfifo((d.path() + "/fifo").c_str(), 0);
    WYE_ASSERT_OK(d.remove());
    EXPECT_TRUE(nothing_left());
}

TEST_F(TempDirTest, links_to_outside_are_removed_and_not_followed) {
    std::ofstream(outside / "precious") << "x";
    auto d = make();
    fs::create_directory_symlink(outside.path(), d.path() + "/link");
    fs::create_directory(d.path() + "/in");
    fs::create_directory_symlink(outside.path(), d.path() + "/in/link");
    fs::create_symlink("../..", d.path() + "/in/up");
    fs::create_hard_link(outside / "precious", d.path() + "/hard");
    WYE_ASSERT_OK(d.remove());
    EXPECT_TRUE(nothing_left());
    EXPECT_TRUE(fs::exists(outside / "precious"));
}

TEST_F(TempDirTest, a_tree_deeper_than_any_path_goes_with_few_descriptors) {
    auto d = make();
    int at = ::dup(d.native_handle());
    for (int i = 0; i < 300; ++i) {  // 6,000 bytes of path
        ASSERT_EQ(::mkdirat(at, "twenty-bytes-of-name", 0700), 0);
        ::close(::openat(at, "file", O_CREAT | O_WRONLY, 0600));
        const int next = ::openat(at, "twenty-bytes-of-name", O_RDONLY | O_DIRECTORY);
        ::close(at);
        at = next;
    }
    ::close(at);
    WYE_ASSERT_OK(d.remove());
    EXPECT_TRUE(nothing_left());
}

TEST_F(TempDirTest, directories_without_permission_are_given_it) {
    const auto body = [&] {
        auto d = make();
        fs::create_directories(d.path() + "/closed/inner/deep");
        std::ofstream(d.path() + "/closed/inner/file") << "x";
        for (const char* p : {"/closed/inner/deep", "/closed/inner", "/closed"}) ::chmod((d.path() + p).c_str(), 0);
        ::chmod(d.path().c_str(), 0500);
        const auto r = d.remove();
        EXPECT_TRUE(r.has_value()) << (r ? "" : r.error().message());
        return r.has_value();
    };
    if (::geteuid() != 0) {
        body();
    } else {  // root needs no permission
        ::chmod(base.path().c_str(), 0777);
        test::Child other([&] { return ::setuid(65534) == 0 && body(); });
        EXPECT_TRUE(other.ok());
    }
    EXPECT_TRUE(nothing_left());
}

// Swapped before and after each system call of the cleaning in turn.
TEST_F(TempDirTest, a_directory_that_is_swapped_for_a_link_meanwhile_leads_nowhere) {
    std::ofstream(outside / "precious") << "x";
    fs::create_directories(outside / "kept/deep");
    const auto path = base / "d", link = base / "link";
    for (int step = 1, ended = 0; !ended && step < 400; ++step) {
        ASSERT_EQ(::symlink(outside.path().c_str(), link.c_str()), 0);
        const pid_t pid = ::fork();
        if (pid == 0) {
            auto d = make();
            fs::create_directories(d.path() + "/a/in/deep");
            fs::create_symlink(d.path(), path);
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            (void)d.remove();
            ::_exit(0);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        if (!WIFSTOPPED(status)) GTEST_SKIP() << "may not trace here";
        for (int i = 0; i < step && !ended; ++i) {
            ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
            ::waitpid(pid, &status, 0);
            ended = WIFEXITED(status);
        }
        ::syscall(SYS_renameat2, AT_FDCWD, (path + "/a").c_str(), AT_FDCWD, link.c_str(), 2);  // RENAME_EXCHANGE
        if (!ended) {
            ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
            ::waitpid(pid, &status, 0);
        }
        EXPECT_TRUE(WIFEXITED(status));
        ASSERT_TRUE(fs::exists(outside / "precious") && fs::exists(outside / "kept/deep")) << "step " << step;
        for (const auto& e : fs::directory_iterator(base.path())) fs::remove_all(e.path());
    }
}

TEST_F(TempDirTest, what_is_mounted_inside_stays_and_is_told) {
    auto d = make();
    const auto at = d.path() + "/mnt";
    fs::create_directory(at);
    if (::mount("none", at.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "may not mount here";
    std::ofstream(at + "/precious") << "x";
    std::ofstream(d.path() + "/file") << "x";
    const auto path = d.path();
    EXPECT_FALSE(d.remove().has_value());
    EXPECT_TRUE(fs::exists(at + "/precious"));
    EXPECT_FALSE(fs::exists(path + "/file"));
    ASSERT_EQ(::umount(at.c_str()), 0);
}

TEST_F(TempDirTest, the_child_of_a_fork_does_not_clean) {
    auto d = make();
    test::Child child([&] {
        const auto copy = std::move(d);
        return true;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_TRUE(fs::exists(d.path()));
}

TEST_F(TempDirTest, files_are_opened_by_one_name_and_never_through_a_link) {
    const auto d = make();
    WYE_ASSERT_OK(d.create("file", 0640));
    struct stat s{};
    ASSERT_EQ(::stat((d.path() + "/file").c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 07777, 0640u);
    WYE_EXPECT_ERRC(Errc::already_exists, d.create("file"));
    WYE_ASSERT_OK(d.open("file"));
    WYE_EXPECT_ERRC(Errc::not_found, d.open("none"));
    std::ofstream(outside / "precious") << "x";
    fs::create_symlink(outside / "precious", d.path() + "/link");
    WYE_EXPECT_ERRC(Errc::mismatch, d.open("link"));
    WYE_EXPECT_ERRC(Errc::already_exists, d.create("link"));
    ::mkfifo((d.path() + "/fifo").c_str(), 0600);
    WYE_EXPECT_ERRC(Errc::mismatch, d.open("fifo"));
    for (const std::string bad : {"", ".", "..", "a/b", "/etc/passwd"}) WYE_EXPECT_ERRC(Errc::bad_address, d.open(bad));
    WYE_EXPECT_ERRC(Errc::bad_address, d.open(std::string_view("a\0b", 3)));
    WYE_EXPECT_ERRC(Errc::bad_address, wye::TempDir::make("../x"));
}

TEST_F(TempDirTest, it_is_made_where_the_environment_says) {
    test::Child child([&] {
        ::unsetenv("XDG_RUNTIME_DIR");
        ::setenv("TMPDIR", base.path().c_str(), 1);
        if (!or_throw(wye::TempDir::make()).path().starts_with(base / "wye-")) return false;
        ::setenv("XDG_RUNTIME_DIR", outside.path().c_str(), 1);
        if (!or_throw(wye::TempDir::make()).path().starts_with(outside / "wye-")) return false;
        ::setenv("XDG_RUNTIME_DIR", "/no/such/place", 1);
        if (!or_throw(wye::TempDir::make()).path().starts_with(base / "wye-")) return false;
        WYE_EXPECT_ERRC(Errc::not_found, wye::TempDir::make("t", "/no/such/place"));
        return true;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_TRUE(nothing_left());
}

TEST_F(TempDirTest, on_a_full_disk_nothing_is_made_and_what_is_there_can_be_removed) {
    const auto small = [&] { return test::own_tmpfs(base.path(), "size=1m,nr_inodes=3"); };  // its top is one
    if (!test::Child(small).ok()) GTEST_SKIP() << "a small disk takes a mount namespace";
    test::Child child([&] {
        if (!small()) return false;
        auto d = make();
        EXPECT_TRUE(d.create("much").has_value());
        std::ofstream(d.path() + "/much") << std::string(2 << 20, 'x');
        WYE_EXPECT_ERRC(Errc::exhausted, d.create("more"));
        WYE_EXPECT_ERRC(Errc::exhausted, wye::TempDir::make("t", base.path()));
        EXPECT_EQ(std::distance(fs::directory_iterator(base.path()), fs::directory_iterator()), 1);
        EXPECT_TRUE(d.remove().has_value());
        EXPECT_TRUE(nothing_left());
        return !HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST_F(TempDirTest, kept_it_stays_and_an_error_leaves_nothing) {
    auto d = make();
    const auto path = d.path();
    d.keep();
    d = make();
    EXPECT_TRUE(fs::exists(path));
    fs::remove(path);
    WYE_ASSERT_OK(d.remove());
    const sys::Inject fault{{.call = sys::Call::open, .times = 9, .error = EMFILE}};
    WYE_EXPECT_ERRC(Errc::exhausted, wye::TempDir::make("t", base.path()));
    EXPECT_TRUE(nothing_left());
}

}  // namespace
