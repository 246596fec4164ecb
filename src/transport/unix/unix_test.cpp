// Messages through a Unix socket, and who is at the other end.
#include "unix_test.hpp"

#include "wye/registry/open.hpp"

#include "os/syscall.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;
using wye::test::meet;
using wye::test::TempDir;

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
            WYE_ASSERT_OK(client.send(bytes_of(big)));
            WYE_EXPECT_ERRC(Errc::too_big, server.recv(room, 1s));
            EXPECT_TRUE(text_of(or_throw(server.recv_view(1s))) == big);
            WYE_EXPECT_ERRC(Errc::timed_out, server.recv_view(Deadline::now()));
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
