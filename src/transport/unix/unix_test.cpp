#include "wye/transport/unix.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/peer.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;
using wye::test::open_descriptors;
using wye::test::TempDir;

namespace {

struct Two {
    UnixSocket a, b;
};

// A connected pair through a listener: `a` was accepted.
Two meet(const std::string& address, UnixOptions o = {}) {
    auto l = or_throw(UnixListener::listen(address, o));
    auto b = or_throw(UnixSocket::connect(address, o, 5s));
    return {or_throw(l.accept(5s)), std::move(b)};
}

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

// ---------------------------------------------------------------- names

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

// ---------------------------------------------------------------- connections

TEST(UnixSocket, the_wrong_type_is_a_mismatch) {
    const TempDir dir;
    const auto l = or_throw(UnixListener::listen(dir / "s"));
    WYE_EXPECT_ERRC(Errc::mismatch, UnixSocket::connect(dir / "s", {.type = UnixType::seqpacket}));
    WYE_EXPECT_ERRC(Errc::mismatch, UnixSocket::connect(dir / "s", {.type = UnixType::dgram}));
}

TEST(UnixSocket, accept_and_a_full_backlog_keep_the_deadline) {
    const TempDir dir;
    auto l = or_throw(UnixListener::listen(dir / "s"));
    WYE_EXPECT_ERRC(Errc::timed_out, l.accept(Deadline::now()));
    auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, l.accept(50ms));
    EXPECT_LE(Deadline::Clock::now() - start, 150ms);
    // The kernel lets one in at backlog 0.
    ASSERT_EQ(::listen(l.native_handle(), 0), 0);
    WYE_ASSERT_OK(UnixSocket::connect(dir / "s", {}, Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, UnixSocket::connect(dir / "s", {}, Deadline::now()));
    start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, UnixSocket::connect(dir / "s", {}, 50ms));
    EXPECT_LE(Deadline::Clock::now() - start, 150ms);
    Child accepter([&] {
        ::usleep(20000);
        return l.accept(5s).has_value() && l.accept(5s).has_value();
    });
    WYE_EXPECT_ERRC(Errc::timed_out, UnixSocket::connect(dir / "s", {}, Deadline::now()));
    WYE_ASSERT_OK(UnixSocket::connect(dir / "s", {}, Deadline::never()));
    EXPECT_TRUE(accepter.ok());
}

TEST(UnixSocket, accept_without_descriptors_does_not_spin) {
    const TempDir dir;
    auto l = or_throw(UnixListener::listen(dir / "s"));
    const auto c = or_throw(UnixSocket::connect(dir / "s"));
    {
        const sys::Inject bent{{.call = sys::Call::accept4, .times = 1000000, .error = EMFILE}};
        const auto cpu = wye::test::cpu_time();
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::exhausted, l.accept(300ms));
        EXPECT_GE(Deadline::Clock::now() - start, 250ms);
        EXPECT_LE(wye::test::cpu_time() - cpu, 20ms);
        EXPECT_LE(bent.hits(), 30u);
    }
    WYE_ASSERT_OK(l.accept(1s));  // the connection waited
}

TEST(UnixSocket, a_listening_uri_is_its_first_peer_and_refuses_a_second) {
    const TempDir dir;
    for (const auto* type : {"", "?type=seqpacket"}) {
        const auto uri = "unix:" + (dir / "s") + type;
        auto server = or_throw(wye::open(with_param(uri, "listen")));
        WYE_EXPECT_ERRC(Errc::timed_out, server.wait_peer(Deadline::now()));
        WYE_EXPECT_ERRC(Errc::timed_out, server.send(bytes_of("x"), 10ms));
        auto client = or_throw(wye::open(uri));
        WYE_ASSERT_OK(server.send(bytes_of("hello"), 1s));
        std::byte room[16];
        EXPECT_EQ(text_of(or_throw(client.recv(room, 1s))), "hello");
        WYE_EXPECT_ERRC(Errc::not_found, wye::open(uri));
        WYE_ASSERT_OK(client.close_write());
        WYE_EXPECT_ERRC(Errc::closed, server.recv(room, 1s));
        EXPECT_FALSE(exists(dir / "s"));
    }
    auto mute = or_throw(wye::open("unix:" + (dir / "s") + "?listen"));
    WYE_ASSERT_OK(mute.close_write());
    auto client = or_throw(wye::open("unix:" + (dir / "s")));
    std::byte room[16];
    WYE_ASSERT_OK(mute.wait_peer(1s));
    WYE_EXPECT_ERRC(Errc::closed, client.recv(room, 1s));
}

TEST(UnixSocket, contradictions_in_the_uri_are_refused) {
    for (const auto* uri : {"unix:", "unix:?listen", "unix:/x?type=packets", "unix:/x?type=dgram&framing=lines",
                            "unix:/x?type=seqpacket&max=1K", "unix:/x?listen=1", "unix:/", "unix:@"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(uri));
}

// ---------------------------------------------------------------- messages

TEST(UnixSocket, an_empty_packet_is_not_the_end) {
    const TempDir dir;
    std::byte room[8];
    auto two = meet(dir / "s", {.type = UnixType::seqpacket});
    for (auto* sender : {&two.a, &two.b}) {
        auto& receiver = sender == &two.a ? two.b : two.a;
        WYE_ASSERT_OK(sender->send({}));
        EXPECT_EQ(or_throw(receiver.recv(room, 1s)).size(), 0u);
    }
    WYE_ASSERT_OK(two.b.send({}));
    WYE_ASSERT_OK(two.b.close_write());
    EXPECT_EQ(or_throw(two.a.recv(room, 1s)).size(), 0u);
    WYE_EXPECT_ERRC(Errc::closed, two.a.recv(room, 1s));
}

TEST(UnixSocket, an_empty_packet_of_a_peer_without_a_name_is_not_the_end) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    UnixSocket s{Fd(ends[0]), {.type = UnixType::seqpacket}};
    ASSERT_EQ(::send(ends[1], "", 0, 0), 0);
    ASSERT_EQ(::send(ends[1], "full", 4, 0), 4);
    ASSERT_EQ(::send(ends[1], "", 0, 0), 0);
    ::close(ends[1]);
    std::byte room[8];
    EXPECT_EQ(or_throw(s.recv(room, 1s)).size(), 0u);
    EXPECT_EQ(text_of(or_throw(s.recv(room, 1s))), "full");
    EXPECT_EQ(or_throw(s.recv(room, 1s)).size(), 0u);
    WYE_EXPECT_ERRC(Errc::closed, s.recv(room, 1s));
}

TEST(UnixSocket, what_a_peer_sent_before_it_left_in_disorder_is_read_first) {
    const TempDir dir;
    for (const auto type : {UnixType::stream, UnixType::seqpacket}) {
        auto two = meet(dir / "s", {.type = type});
        WYE_ASSERT_OK(two.a.send(bytes_of("never read")));
        WYE_ASSERT_OK(two.b.send(bytes_of("last words")));
        { const auto gone = std::move(two.b); }
        std::byte room[16];
        EXPECT_EQ(text_of(or_throw(two.a.recv(room, 1s))), "last words");
        WYE_EXPECT_ERRC(Errc::peer_died, two.a.recv(room, 1s));
    }
}

TEST(UnixSocket, a_packet_larger_than_the_buffer_waits_for_a_larger_one) {
    const TempDir dir;
    // 100: copied from our own room; 10000: read into the caller's and the rest into ours.
    for (const auto type : {UnixType::seqpacket, UnixType::dgram})
        for (const std::size_t small : {100u, 10000u}) {
            auto server = type == UnixType::dgram
                              ? or_throw(wye::open("unix:" + (dir / "s") + "?listen&type=dgram"))
                              : or_throw(wye::open("unix:" + (dir / "s") + "?listen&type=seqpacket"));
            auto client = or_throw(UnixSocket::connect(dir / "s", {.type = type}));
            std::string big(small * 3, 'x');
            for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 7);
            WYE_ASSERT_OK(client.send(bytes_of(big)));
            WYE_ASSERT_OK(client.send(bytes_of("next")));
            std::vector<std::byte> room(small), large(big.size());
            WYE_EXPECT_ERRC(Errc::too_big, server.recv(room, 1s));
            WYE_EXPECT_ERRC(Errc::too_big, server.recv(room, 1s));
            EXPECT_TRUE(text_of(or_throw(server.recv(large, 1s))) == big);
            EXPECT_EQ(text_of(or_throw(server.recv(room, 1s))), "next");
        }
}

TEST(UnixSocket, receiving_a_packet_is_one_system_call_whatever_the_buffer) {
    const TempDir dir;
    for (const auto type : {UnixType::stream, UnixType::seqpacket}) {
        auto two = meet(dir / "s", {.type = type});
        for (const std::size_t n : {64u, 8192u, 20000u, 300000u}) {
            std::vector<std::byte> room(n);
            for (int i = 0; i < 2; ++i) {
                const auto before = sys::count();
                WYE_ASSERT_OK(two.b.send(bytes_of("x")));
                WYE_ASSERT_OK(two.a.recv(room));
                EXPECT_LE(sys::count() - before, i == 1 ? 2u : 4u);
            }
        }
    }
}

TEST(UnixSocket, the_largest_packet_follows_the_send_buffer) {
    const TempDir dir;
    auto l = or_throw(UnixListener::listen(dir / "s", {.type = UnixType::seqpacket}));
    auto client = or_throw(UnixSocket::connect(dir / "s", {.type = UnixType::seqpacket}));
    auto server = or_throw(l.accept());
    const int small = 8192;
    ASSERT_EQ(::setsockopt(client.native_handle(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    UnixSocket shrunk(Fd(::fcntl(client.native_handle(), F_DUPFD_CLOEXEC, 0)), {.type = UnixType::seqpacket});
    EXPECT_EQ(shrunk.max_message(), 16384u - 32);
    std::vector<std::byte> m(shrunk.max_message() + 1), room(20000);
    WYE_EXPECT_ERRC(Errc::too_big, shrunk.send(m));
    WYE_ASSERT_OK(shrunk.send(std::span(m).first(m.size() - 1), 1s));
    EXPECT_EQ(or_throw(server.recv(room, 1s)).size(), m.size() - 1);
}

TEST(UnixSocket, a_bound_datagram_socket_answers_whoever_wrote_last) {
    const TempDir dir;
    auto server = or_throw(UnixSocket::bind(dir / "s"));
    auto a = or_throw(UnixSocket::connect(dir / "s", {.type = UnixType::dgram}));
    auto b = or_throw(UnixSocket::connect(dir / "s", {.type = UnixType::dgram}));
    std::byte room[16];
    WYE_EXPECT_ERRC(Errc::timed_out, server.send(bytes_of("to nobody"), 10ms));
    for (auto* client : {&a, &b, &a}) {
        WYE_ASSERT_OK(client->send(bytes_of("question")));
        WYE_ASSERT_OK(server.recv(room, 1s));
        WYE_ASSERT_OK(server.send(bytes_of("answer"), 1s));
        EXPECT_EQ(text_of(or_throw(client->recv(room, 1s))), "answer");
    }
    // Its queue is full: poll(2) on our side would say "writable".
    Result<> r;
    while ((r = server.send(bytes_of("more"), Deadline::now()))) {}
    WYE_EXPECT_ERRC(Errc::timed_out, r);
    const auto cpu = wye::test::cpu_time();
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, server.send(bytes_of("more"), 100ms));
    EXPECT_LE(Deadline::Clock::now() - start, 200ms);
    EXPECT_LE(wye::test::cpu_time() - cpu, 10ms);
    { const auto gone = std::move(server); }
    WYE_EXPECT_ERRC(Errc::not_found, b.send(bytes_of("x")));
}

// ---------------------------------------------------------------- who is there

TEST(UnixSocket, the_peer_is_known_by_uid_and_pidfd) {
    const TempDir dir;
    auto l = or_throw(UnixListener::listen(dir / "s"));
    Child client([&] {
        auto s = or_throw(UnixSocket::connect(dir / "s"));
        std::byte room[8];
        return s.recv(room, 10s).error().is(Errc::closed);
    });
    auto s = std::make_unique<UnixSocket>(or_throw(l.accept(5s)));
    auto p = or_throw(s->peer());
    EXPECT_EQ(p.uid, ::getuid());
    EXPECT_EQ(p.gid, ::getgid());
    EXPECT_EQ(p.pid, client.pid());
    ASSERT_FALSE(p.pidfd == nullptr);
    EXPECT_TRUE(::fcntl(p.pidfd.get(), F_GETFD) & FD_CLOEXEC);
    s.reset();
    EXPECT_TRUE(client.ok());
    auto d = or_throw(UnixSocket::bind(dir / "d"));
    WYE_EXPECT_ERRC(Errc::unsupported, d.peer());
}

// ---------------------------------------------------------------- programs that know nothing of wye

TEST(UnixSocket, socat_exchanges_lines) {
    if (!wye::test::have_program("socat")) GTEST_SKIP() << "socat is not installed";
    const TempDir dir;
    const UnixOptions lines{.stream = {.framing = Framing::lines}};
    std::byte room[64];
    {
        auto l = or_throw(UnixListener::listen(dir / "s", lines));
        wye::test::Program socat({"socat", "-t5", "-", "UNIX-CONNECT:" + (dir / "s")}, "one\ntwo\n");
        auto s = or_throw(l.accept(5s));
        EXPECT_EQ(text_of(or_throw(s.recv(room, 5s))), "one");
        EXPECT_EQ(text_of(or_throw(s.recv(room, 5s))), "two");
        WYE_EXPECT_ERRC(Errc::closed, s.recv(room, 5s));
        WYE_ASSERT_OK(s.send(bytes_of("three")));
        WYE_ASSERT_OK(s.close_write());
        EXPECT_TRUE(socat.ok());
        EXPECT_EQ(socat.output(), "three\n");
    }
    wye::test::Program socat({"socat", "-t5", "-", "UNIX-LISTEN:" + (dir / "s")}, "welcome\n");
    auto s = UnixSocket::connect(dir / "s", lines);
    for (const Deadline end = 5s; !s && !end.passed(); ::usleep(2000)) s = UnixSocket::connect(dir / "s", lines);
    WYE_ASSERT_OK(s);
    EXPECT_EQ(text_of(or_throw(s->recv(room, 5s))), "welcome");
    WYE_ASSERT_OK(s->send(bytes_of("thanks")));
    WYE_ASSERT_OK(s->close_write());
    EXPECT_TRUE(socat.ok());
    EXPECT_EQ(socat.output(), "thanks\n");
}

TEST(UnixSocket, a_python_client_writes_the_framing_itself) {
    if (!wye::test::have_program("python3")) GTEST_SKIP() << "python3 is not installed";
    const TempDir dir;
    auto server = or_throw(wye::open("unix:" + (dir / "s") + "?listen"));
    wye::test::Program python(wye::test::python_client("unix", dir / "s"), "");
    std::vector<std::byte> room(200000);
    const std::string big(150000, 'x');
    WYE_ASSERT_OK(server.send(bytes_of(big), 5s));
    EXPECT_TRUE(text_of(or_throw(server.recv(room, 5s))) == std::string(big.size(), 'X'));
    EXPECT_EQ(or_throw(server.recv(room, 5s)).size(), 0u);
    WYE_EXPECT_ERRC(Errc::closed, server.recv(room, 5s));
    WYE_ASSERT_OK(server.close_write());
    EXPECT_TRUE(python.ok());
}
