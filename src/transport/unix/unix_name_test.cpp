// Names of Unix sockets: who may take one, and who takes it away.
#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"
#include "unix_test.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;
using wye::test::meet;
using wye::test::open_descriptors;
using wye::test::TempDir;

namespace {

bool exists(const std::string& path) {
    struct stat s{};
    return ::lstat(path.c_str(), &s) == 0;
}

// What a killed server leaves.
void leave_stale(const std::string& path, int type = SOCK_STREAM) {
    const int fd = ::socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    ::close(fd);
}

}  // namespace

TEST(UnixSocket, a_stale_path_is_taken_over) {
    const TempDir dir;
    const auto path = dir / "s";
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
        leave_stale(path, type);
        WYE_ASSERT_OK(UnixListener::listen(path));
        EXPECT_FALSE(exists(path));
    }
    leave_stale(path);
    WYE_ASSERT_OK(UnixSocket::bind(path));
}

TEST(UnixSocket, a_living_listener_is_busy_and_notices_nothing) {
    const TempDir dir;
    const auto path = dir / "s";
    for (const auto type : {UnixType::stream, UnixType::seqpacket}) {
        auto first = or_throw(UnixListener::listen(path, {.type = type}));
        WYE_EXPECT_ERRC(Errc::busy, UnixListener::listen(path, {.type = type}));
        WYE_EXPECT_ERRC(Errc::busy, UnixSocket::bind(path));
        WYE_EXPECT_ERRC(Errc::timed_out, first.accept(Deadline::now()));
    }
    auto bound = or_throw(UnixSocket::bind(path));
    WYE_EXPECT_ERRC(Errc::busy, UnixSocket::bind(path));
    WYE_EXPECT_ERRC(Errc::busy, UnixListener::listen(path));
    std::byte room[8];
    WYE_EXPECT_ERRC(Errc::timed_out, bound.recv(room, Deadline::now()));
}

TEST(UnixSocket, what_is_no_socket_is_never_touched) {
    const TempDir dir;
    const auto path = dir / "file";
    ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    WYE_EXPECT_ERRC(Errc::mismatch, UnixListener::listen(path));
    EXPECT_TRUE(exists(path));
    WYE_EXPECT_ERRC(Errc::mismatch, wye::remove("unix:" + path));
    EXPECT_TRUE(exists(path));
    leave_stale(dir / "s");
    WYE_EXPECT_ERRC(Errc::already_exists, UnixListener::listen(dir / "s", {.create = Create::exclusive}));
    EXPECT_TRUE(exists(dir / "s"));
}

TEST(UnixSocket, a_server_killed_a_hundred_times_always_comes_back) {
    const TempDir dir;
    const auto path = dir / "s";
    for (int i = 0; i < 100; ++i) {
        int ready[2];
        ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
        Child server([&] {
            auto l = UnixListener::listen(path);
            if (!l) return false;
            (void)!::write(ready[1], "x", 1);
            ::pause();
            return true;
        });
        ::close(ready[1]);
        char c = 0;
        ASSERT_EQ(::read(ready[0], &c, 1), 1) << "round " << i;
        ::close(ready[0]);
        WYE_ASSERT_OK(UnixSocket::connect(path, {}, 5s));
        server.kill();
        ASSERT_TRUE(exists(path));
    }
    WYE_EXPECT_ERRC(Errc::not_found, UnixSocket::connect(path));
    std::filesystem::remove(path);
}

TEST(UnixSocket, of_two_servers_that_start_at_once_one_lives) {
    const TempDir dir;
    const auto path = dir / "s";
    for (int round = 0; round < 20; ++round) {
        leave_stale(path);
        int told[2], go[2], done[2];
        ASSERT_EQ(::pipe2(told, O_CLOEXEC) | ::pipe2(go, O_CLOEXEC) | ::pipe2(done, O_CLOEXEC), 0);
        const auto until_end = [](int ends[2]) {
            char c;
            ::close(ends[1]);
            (void)!::read(ends[0], &c, 1);
        };
        const auto serve = [&] {
            until_end(go);
            const auto l = UnixListener::listen(path);
            (void)!::write(told[1], l ? "won" : l.error().is(Errc::busy) ? "not" : "???", 3);
            until_end(done);
            return true;
        };
        Child a(serve), b(serve);
        for (auto* ends : {go, done}) ::close(ends[0]);
        ::close(go[1]);
        std::string both(6, ' ');
        for (std::size_t n = 0; n < 6;) {
            const auto r = ::read(told[0], both.data() + n, 6 - n);
            ASSERT_GT(r, 0);
            n += static_cast<std::size_t>(r);
        }
        EXPECT_TRUE(both == "wonnot" || both == "notwon") << both;
        WYE_EXPECT_ERRC(Errc::busy, UnixListener::listen(path));
        ::close(done[1]);
        EXPECT_TRUE(a.ok());
        EXPECT_TRUE(b.ok());
        for (const int fd : {told[0], told[1]}) ::close(fd);
        EXPECT_FALSE(exists(path));
    }
}

TEST(UnixSocket, a_lock_on_the_directory_is_waited_for_and_then_busy) {
    const TempDir dir;
    const int fd = ::open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::flock(fd, LOCK_EX), 0);
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::busy, UnixListener::listen(dir / "s"));
    EXPECT_LE(Deadline::Clock::now() - start, 3s);
    ::close(fd);
    WYE_EXPECT_ERRC(Errc::not_found, UnixSocket::connect(dir / "s"));
}

TEST(UnixSocket, the_path_goes_with_its_maker_and_with_nobody_else) {
    const TempDir dir;
    const auto path = dir / "s";
    auto l = std::make_unique<UnixListener>(or_throw(UnixListener::listen(path)));
    Child copy([&] {
        l.reset();
        return true;
    });
    EXPECT_TRUE(copy.ok());
    EXPECT_TRUE(exists(path)) << "a forked child removed its parent's path";
    std::filesystem::rename(path, dir / "elsewhere");
    leave_stale(path);
    l.reset();
    EXPECT_TRUE(exists(path)) << "somebody else's socket was removed";
    std::filesystem::remove(path);
    std::filesystem::remove(dir / "elsewhere");
    {
        const auto old = std::filesystem::current_path();
        std::filesystem::current_path(dir.path());
        const auto relative = or_throw(UnixListener::listen("r"));
        std::filesystem::current_path(old);
    }
    EXPECT_FALSE(exists(dir / "r")) << "a relative path was looked for elsewhere";
}

TEST(UnixSocket, permissions_are_exact_whatever_the_umask) {
    const TempDir dir;
    for (const mode_t mask : {0u, 077u})
        for (const unsigned mode : {0600u, 0666u, 0620u}) {
            const auto before = ::umask(mask);
            const auto l = UnixListener::listen(dir / "s", {.permissions = mode});
            ::umask(before);
            WYE_ASSERT_OK(l);
            struct stat s{};
            ASSERT_EQ(::stat((dir / "s").c_str(), &s), 0);
            EXPECT_EQ(s.st_mode & 0777, mode);
        }
}

TEST(UnixSocket, a_path_longer_than_the_kernel_takes_goes_through_its_directory) {
    const TempDir dir;
    const auto deep = dir / std::string(60, 'd');
    std::filesystem::create_directory(deep);
    for (std::size_t n = 1; n < 80; n += 13) {
        const auto path = deep + "/" + std::string(n, 's');
        auto two = meet(path);
        WYE_ASSERT_OK(two.b.send(bytes_of("through")));
        std::byte room[16];
        EXPECT_EQ(text_of(or_throw(two.a.recv(room, 1s))), "through");
        EXPECT_FALSE(exists(path));
    }
    WYE_EXPECT_ERRC(Errc::bad_address, UnixListener::listen(deep + "/" + std::string(120, 's')));
    WYE_EXPECT_ERRC(Errc::bad_address, UnixSocket::connect(deep + "/" + std::string(120, 's')));
    WYE_EXPECT_ERRC(Errc::bad_address, UnixSocket::connect("@" + std::string(108, 's')));
}

TEST(UnixSocket, an_abstract_name_needs_no_path) {
    const auto name = "@" + wye::test::unique_name("wye-test");
    auto two = meet(name);
    WYE_ASSERT_OK(two.a.send(bytes_of("x")));
    std::byte room[8];
    EXPECT_EQ(text_of(or_throw(two.b.recv(room, 1s))), "x");
    WYE_EXPECT_ERRC(Errc::not_found, UnixSocket::connect(name));
    const auto l = or_throw(UnixListener::listen(name));
    WYE_EXPECT_ERRC(Errc::busy, UnixListener::listen(name));
}

TEST(UnixSocket, nothing_half_made_stays_when_listening_fails) {
    const TempDir dir;
    const auto before = open_descriptors();
    for (const auto call : {sys::Call::listen, sys::Call::chmod, sys::Call::fstat}) {
        const sys::Inject bent{{.call = call, .error = EIO}};
        EXPECT_FALSE(UnixListener::listen(dir / "s").has_value());
        EXPECT_EQ(bent.hits(), 1u);
        EXPECT_FALSE(exists(dir / "s"));
        EXPECT_EQ(open_descriptors(), before);
    }
}
