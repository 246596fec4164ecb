#include "wye/os/replace_file.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace wye;
namespace fs = std::filesystem;

namespace {

class ReplaceFile : public ::testing::Test {
protected:
    ReplaceFile() { std::ofstream(path) << old_text; }
    std::string text() const {
        std::ifstream f(path);
        return {std::istreambuf_iterator<char>(f), {}};
    }
    std::size_t entries() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir.path()), fs::directory_iterator()));
    }
    unsigned mode() const {
        struct stat s{};
        ::stat(path.c_str(), &s);
        return s.st_mode & 07777;
    }
    void unchanged() const {
        EXPECT_EQ(text(), old_text);
        EXPECT_EQ(entries(), 1u);
    }

    test::TempDir dir;
    std::string path = dir / "file";
    const std::string old_text = "old", new_text = std::string(100'000, 'n');
};

TEST_F(ReplaceFile, what_is_no_file_stays_what_it_is) {
    const auto fifo = dir / "fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, replace_file(fifo, bytes_of(new_text)));
    EXPECT_TRUE(fs::is_fifo(fifo));
    WYE_EXPECT_ERRC(Errc::mismatch, replace_file(dir.path(), bytes_of(new_text)));
    EXPECT_EQ(entries(), 2u);
}

TEST_F(ReplaceFile, the_contents_change_and_the_permissions_stay_or_are_given) {
    ::chmod(path.c_str(), 0604);
    ::umask(077);
    WYE_ASSERT_OK(replace_file(path, bytes_of(new_text)));
    EXPECT_EQ(text(), new_text);
    EXPECT_EQ(mode(), 0604u);
    WYE_ASSERT_OK(replace_file(path, bytes_of("x"), {.permissions = 0666, .durable = false}));
    EXPECT_EQ(mode(), 0666u);
    EXPECT_EQ(text(), "x");
    fs::remove(path);
    WYE_ASSERT_OK(replace_file(path, {}));
    EXPECT_EQ(mode(), 0644u);
    ::umask(022);
    EXPECT_EQ(text(), "");
    EXPECT_EQ(entries(), 1u);
}

TEST_F(ReplaceFile, who_has_it_open_reads_on_in_the_old_one) {
    std::ifstream reader(path);
    WYE_ASSERT_OK(replace_file(path, bytes_of(new_text)));
    std::string seen;
    reader >> seen;
    EXPECT_EQ(seen, old_text);
}

TEST_F(ReplaceFile, a_link_is_replaced_and_not_followed) {
    fs::rename(path, dir / "target");
    fs::create_symlink("target", path);
    WYE_ASSERT_OK(replace_file(path, bytes_of("new")));
    EXPECT_FALSE(fs::is_symlink(path));
    std::ifstream target(dir / "target");
    std::string seen;
    target >> seen;
    EXPECT_EQ(seen, old_text);
}

TEST_F(ReplaceFile, whatever_call_fails_the_old_file_is_whole_and_nothing_is_beside_it) {
    for (const int error : {EIO, ENOSPC}) {
        unsigned nth = 1;
        for (;; ++nth) {
            const sys::Inject fault{{.call = sys::Call::any, .nth = nth, .error = error}};
            const auto r = replace_file(path, bytes_of(new_text));
            if (fault.hits() == 0) {
                WYE_ASSERT_OK(r);
                break;
            }
            if (text() == old_text) {
                EXPECT_EQ(entries(), 1u) << nth;
            } else {  // the directory's flush failed, or closing: it has happened
                EXPECT_EQ(text(), new_text) << nth;
                EXPECT_EQ(entries(), 1u) << nth;
                ASSERT_TRUE(fs::remove(path));
                std::ofstream(path) << old_text;
            }
        }
        EXPECT_GT(nth, 6u);
        std::ofstream(path) << old_text;
    }
}

TEST_F(ReplaceFile, without_nameless_files_a_name_beside_it_does) {
    for (unsigned nth = 3; nth < 14; ++nth) {
        // The second open is the nameless one.
        const sys::Inject fault{{.call = sys::Call::open, .nth = 2, .error = EOPNOTSUPP},
                                {.call = sys::Call::any, .nth = nth + 1, .error = ENOSPC}};
        (void)replace_file(path, bytes_of(new_text));
        EXPECT_TRUE(text() == old_text || text() == new_text);
        EXPECT_EQ(entries(), 1u) << nth;
    }
    const sys::Inject fault{{.call = sys::Call::open, .nth = 2, .error = EOPNOTSUPP}};
    WYE_ASSERT_OK(replace_file(path, bytes_of("x")));
    EXPECT_EQ(fault.hits(), 1u);
    EXPECT_EQ(text(), "x");
    EXPECT_EQ(entries(), 1u);
}

TEST_F(ReplaceFile, short_writes_are_finished_and_interruptions_do_no_harm) {
    const sys::Inject faults{{.call = sys::Call::write, .times = 50, .clip = 7}};
    WYE_ASSERT_OK(replace_file(path, bytes_of(new_text)));
    EXPECT_EQ(faults.hits(), 50u);
    EXPECT_EQ(text(), new_text);
}

TEST_F(ReplaceFile, beyond_the_limit_of_a_file_it_is_too_big_and_nobody_is_killed) {
    test::Child child([&] {
        const rlimit small{.rlim_cur = 4096, .rlim_max = 4096};
        if (::setrlimit(RLIMIT_FSIZE, &small) != 0) return false;
        WYE_EXPECT_ERRC(Errc::too_big, replace_file(path, bytes_of(new_text)));
        return true;
    });
    EXPECT_TRUE(child.ok());
    unchanged();
}

TEST_F(ReplaceFile, on_a_full_disk_the_old_file_is_whole_and_nothing_is_beside_it) {
    const auto small = [&] { return test::own_tmpfs(dir.path(), "size=1m"); };
    if (!test::Child(small).ok()) GTEST_SKIP() << "a small disk takes a mount namespace";
    test::Child child([&] {
        if (!small()) return false;
        std::ofstream(path) << old_text;
        WYE_EXPECT_ERRC(Errc::exhausted, replace_file(path, bytes_of(std::string(2 << 20, 'n'))));
        unchanged();
        EXPECT_TRUE(replace_file(path, bytes_of(new_text)).has_value()) << "the room was not given back";
        EXPECT_EQ(text(), new_text);
        return !HasFailure();
    });
    EXPECT_TRUE(child.ok());
}

TEST_F(ReplaceFile, what_cannot_be_is_refused) {
    WYE_EXPECT_ERRC(Errc::mismatch, replace_file(dir.path(), {}));
    for (const auto* bad : {"", "/", "/tmp/", "..", "/tmp/.."})
        WYE_EXPECT_ERRC(Errc::bad_address, replace_file(bad, {}));
    WYE_EXPECT_ERRC(Errc::not_found, replace_file(dir / "no/file", {}));
    WYE_EXPECT_ERRC(Errc::bad_address, replace_file(dir / std::string(256, 'n'), {}));
    WYE_ASSERT_OK(replace_file(dir / std::string(255, 'n'), {}));
}

// Stopped at every entry and every return of a system call, and killed there.
TEST_F(ReplaceFile, killed_at_every_system_call_it_leaves_the_old_or_the_new_whole) {
    bool seen_old = false, seen_new = false;
    for (int steps = 1; steps < 200; ++steps) {
        fs::remove_all(dir.path());
        fs::create_directory(dir.path());
        std::ofstream(path) << old_text;
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            ::_exit(replace_file(path, bytes_of(new_text)) ? 0 : 1);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        if (!WIFSTOPPED(status)) GTEST_SKIP() << "may not trace here";
        bool ended = false;
        for (int i = 0; i < steps && !ended; ++i) {
            ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
            ::waitpid(pid, &status, 0);
            ended = WIFEXITED(status);
        }
        if (!ended) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, &status, 0);
        } else {
            EXPECT_EQ(WEXITSTATUS(status), 0);
        }
        (text() == new_text ? seen_new : seen_old) = true;
        EXPECT_TRUE(text() == old_text || text() == new_text) << steps;
        if (ended) break;
    }
    EXPECT_TRUE(seen_old && seen_new);
}

}  // namespace
