#include "wye/transport/tcp.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/peer.hpp"
#include "support/support.hpp"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;

namespace {

struct Two {
    TcpSocket a, b;
};

Two meet(const std::string& host, TcpOptions o = {}) {
    auto l = or_throw(TcpListener::listen(host, "0", o));
    auto b = or_throw(TcpSocket::connect(host, std::to_string(l.port()), o, 5s));
    return {or_throw(l.accept(5s)), std::move(b)};
}

int option_of(int fd, int level, int name) {
    int v = -1;
    socklen_t n = sizeof v;
    ::getsockopt(fd, level, name, &v, &n);
    return v;
}

std::string free_port() { return std::to_string(or_throw(TcpListener::listen("127.0.0.1", "0")).port()); }

bool have_ipv6() { return TcpListener::listen("::1", "0").has_value(); }

// Whoever is not root may have one in a user namespace of his own.
bool own_network() { return ::unshare(CLONE_NEWNET) == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0; }

void set_loopback(bool up) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq r{};
    std::strcpy(r.ifr_name, "lo");
    ::ioctl(fd, SIOCGIFFLAGS, &r);
    r.ifr_flags = static_cast<short>(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    ::ioctl(fd, SIOCSIFFLAGS, &r);
    ::close(fd);
}

}  // namespace

TEST(Tcp, both_ways_over_ipv4_and_ipv6) {
    for (const auto* host : {"127.0.0.1", "::1", "localhost", ""}) {
        if (std::string_view(host) == "::1" && !have_ipv6()) continue;
        if (std::string_view(host) == "localhost" && ::access("/etc/hosts", R_OK) != 0) continue;  // no names here
        auto two = meet(host);
        std::byte room[16];
        WYE_ASSERT_OK(two.a.send(bytes_of("there")));
        WYE_ASSERT_OK(two.b.send(bytes_of("back")));
        EXPECT_EQ(text_of(or_throw(two.b.recv(room, 1s))), "there") << host;
        EXPECT_EQ(text_of(or_throw(two.a.recv(room, 1s))), "back") << host;
        WYE_EXPECT_ERRC(Errc::timed_out, two.a.recv(room, Deadline::now()));
    }
}

TEST(Tcp, listening_everywhere_hears_both_families) {
    auto l = or_throw(TcpListener::listen("", "0"));
    WYE_ASSERT_OK(TcpSocket::connect("127.0.0.1", std::to_string(l.port()), {}, 1s));
    WYE_ASSERT_OK(l.accept(1s));
    if (!have_ipv6()) GTEST_SKIP() << "this machine has no IPv6";
    WYE_ASSERT_OK(TcpSocket::connect("::1", std::to_string(l.port()), {}, 1s));
    WYE_ASSERT_OK(l.accept(1s));
}

TEST(Tcp, both_sides_are_set_up_alike) {
    auto two = meet("127.0.0.1", {.dead_after = 9s});
    for (const auto* s : {&two.a, &two.b}) {
        const int fd = s->native_handle();
        EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
        EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 9000);
        EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 3);
        EXPECT_EQ(option_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 2);
    }
    const auto slow = meet("127.0.0.1", {.nodelay = false});
    EXPECT_EQ(option_of(slow.a.native_handle(), IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(Tcp, a_peer_that_is_silently_gone_is_noticed_waiting_and_sending) {
    if (!Child(own_network).ok()) GTEST_SKIP() << "needs the privilege of a network namespace of its own";
    Child child([] {
        if (!own_network()) return false;
        set_loopback(true);
        for (const bool sends : {false, true}) {
            auto two = meet("127.0.0.1", {.dead_after = 1s});
            set_loopback(false);  // as when the cable is cut: no packet passes, and nobody is told
            std::byte room[16];
            if (sends) (void)two.a.send(bytes_of("into the void"), 1s);
            const auto start = Deadline::Clock::now();
            auto got = two.a.recv(room, 12s);
            if (got || !got.error().is(Errc::peer_died)) ADD_FAILURE() << (got ? "a message" : got.error().message());
            EXPECT_LE(Deadline::Clock::now() - start, 8s);
            set_loopback(true);
        }
        return true;
    });
    EXPECT_TRUE(child.ok(30s));
}

TEST(Tcp, a_reset_is_a_peer_that_died) {
    auto two = meet("127.0.0.1");
    const linger hard{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(two.b.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    { const auto gone = std::move(two.b); }
    std::byte room[16];
    WYE_EXPECT_ERRC(Errc::peer_died, two.a.recv(room, 1s));
    WYE_EXPECT_ERRC(Errc::closed, two.a.send(bytes_of("x"), 1s));
}

TEST(Tcp, a_peer_that_left_inside_a_message_died) {
    auto two = meet("127.0.0.1");
    ASSERT_EQ(::send(two.b.native_handle(), "\0\0\0\x08half", 8, MSG_NOSIGNAL), 8);
    { const auto gone = std::move(two.b); }
    std::byte room[16];
    WYE_EXPECT_ERRC(Errc::peer_died, two.a.recv(room, 1s));
}

TEST(Tcp, a_client_that_sends_a_byte_at_a_time_keeps_nobody_beyond_the_deadline) {
    auto two = meet("127.0.0.1");
    std::byte room[16];
    const std::string_view frame("\0\0\0\4slow", 8);
    for (std::size_t i = 0; i < frame.size(); ++i) {
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, two.a.recv(room, 10ms));
        EXPECT_LE(Deadline::Clock::now() - start, 100ms);
        ASSERT_EQ(::send(two.b.native_handle(), frame.data() + i, 1, MSG_NOSIGNAL), 1);
    }
    EXPECT_EQ(text_of(or_throw(two.a.recv(room, 1s))), "slow");
}

TEST(Tcp, nobody_there_is_not_found_and_a_taken_port_is_busy) {
    auto l = std::make_unique<TcpListener>(or_throw(TcpListener::listen("127.0.0.1", "0")));
    const auto port = std::to_string(l->port());
    WYE_EXPECT_ERRC(Errc::busy, TcpListener::listen("127.0.0.1", port));
    {
        auto client = or_throw(TcpSocket::connect("127.0.0.1", port, {}, 1s));
        const auto server = or_throw(l->accept(1s));  // closes first: its port is in TIME_WAIT
    }
    l.reset();
    WYE_EXPECT_ERRC(Errc::not_found, TcpSocket::connect("127.0.0.1", port, {}, 1s));
    WYE_ASSERT_OK(TcpListener::listen("127.0.0.1", port));
    WYE_EXPECT_ERRC(Errc::not_found, TcpSocket::connect("no-such-host.invalid", "1", {}, 1s));
    WYE_EXPECT_ERRC(Errc::not_found, TcpListener::listen("192.0.2.1", "0"));
}

TEST(Tcp, connecting_and_accepting_keep_the_deadline) {
    auto l = or_throw(TcpListener::listen("127.0.0.1", "0"));
    auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, l.accept(50ms));
    EXPECT_LE(Deadline::Clock::now() - start, 150ms);
    WYE_EXPECT_ERRC(Errc::timed_out, l.accept(Deadline::now()));
    // A full backlog: the kernel drops what comes, as a host that is not there would.
    ASSERT_EQ(::listen(l.native_handle(), 0), 0);
    const auto port = std::to_string(l.port());
    std::vector<TcpSocket> waiting;
    for (int i = 0; i < 3; ++i)
        if (auto s = TcpSocket::connect("127.0.0.1", port, {}, 20ms)) waiting.push_back(std::move(*s));
    start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, TcpSocket::connect("127.0.0.1", port, {}, 60ms));
    EXPECT_LE(Deadline::Clock::now() - start, 200ms);
}

TEST(Tcp, accept_without_descriptors_does_not_spin) {
    auto l = or_throw(TcpListener::listen("127.0.0.1", "0"));
    const auto c = or_throw(TcpSocket::connect("127.0.0.1", std::to_string(l.port()), {}, 1s));
    {
        const sys::Inject bent{{.call = sys::Call::accept4, .times = 1000000, .error = EMFILE}};
        WYE_EXPECT_ERRC(Errc::exhausted, l.accept(200ms));
        EXPECT_LE(bent.hits(), 20u);
    }
    {
        const sys::Inject bent{{.call = sys::Call::accept4, .times = 3, .error = ECONNABORTED}};
        WYE_ASSERT_OK(l.accept(1s));
        EXPECT_EQ(bent.hits(), 3u);
    }
}

TEST(Tcp, uris_say_which_end_they_are) {
    auto l = or_throw(TcpListener::listen("127.0.0.1", "0"));
    const auto uri = "tcp://127.0.0.1:" + std::to_string(l.port());
    WYE_EXPECT_ERRC(Errc::busy, wye::open(uri + "?listen"));
    { const auto freed = std::move(l); }
    auto server = or_throw(wye::open(uri + "?listen"));
    auto client = or_throw(wye::open(uri, {}, 1s));
    WYE_ASSERT_OK(server.wait_peer(1s));
    WYE_EXPECT_ERRC(Errc::not_found, wye::open(uri, {}, 1s));
    for (const auto* bad :
         {"tcp:", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://::1:7", "tcp://h:99999", "tcp://h:7?type=x"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad));
}

TEST(Tcp, socat_exchanges_lines) {
    const auto port = free_port();
    wye::test::socat_connects("tcp://127.0.0.1:" + port, "TCP:127.0.0.1:" + port);
    wye::test::socat_listens("tcp://127.0.0.1:" + port, "TCP-LISTEN:" + port + ",bind=127.0.0.1,reuseaddr");
}

TEST(Tcp, a_python_client_writes_the_framing_itself) {
    const auto port = free_port();
    wye::test::python_connects("tcp://127.0.0.1:" + port, "tcp", port);
}
