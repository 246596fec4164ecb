// Connecting to Unix sockets, and waiting there.
#include "wye/registry/open.hpp"
#include "wye/transport/unix.hpp"

#include "os/inject.hpp"
#include "support/peer.hpp"
#include "support/support.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;
using wye::test::TempDir;

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
        EXPECT_FALSE(std::filesystem::exists(dir / "s"));
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

TEST(UnixSocket, socat_exchanges_lines) {
    const TempDir dir;
    const auto path = dir / "s";
    wye::test::socat_connects("unix:" + path, "UNIX-CONNECT:" + path);
    wye::test::socat_listens("unix:" + path, "UNIX-LISTEN:" + path);
}

TEST(UnixSocket, a_python_client_writes_the_framing_itself) {
    const TempDir dir;
    wye::test::python_connects("unix:" + (dir / "s"), "unix", dir / "s");
}
