#include "wye/transport/tls.hpp"

#include "wye/pattern/pub_sub.hpp"
#include "wye/registry/open.hpp"
#include "wye/transport/tcp.hpp"

#include "support/support.hpp"
#include "transport/tls/scratch.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::Child;

namespace {

class Tls : public testing::Test {
protected:
    void SetUp() override {
        good_ = or_throw(tls::make_files(place_.path(), "good-"));
        other_ = or_throw(tls::make_files(place_.path(), "other-"));
    }
    TlsListener listen(TlsIdentity who, TlsOptions o = {}) {
        o.who = std::move(who);
        return or_throw(TlsListener::listen("127.0.0.1", "0", o));
    }
    static Result<TlsSocket> connect(unsigned port, TlsIdentity who, Deadline d = 5s) {
        return TlsSocket::connect("127.0.0.1", std::to_string(port), {.who = std::move(who)}, d);
    }
    struct Two {
        TlsSocket a, b;
    };
    Two meet() {
        auto l = listen(good_);
        Result<TlsSocket> b = fail(Errc::failed);
        std::thread other([&] { b = connect(l.port(), good_); });
        auto a = l.accept(5s);
        other.join();
        return {or_throw(std::move(a)), or_throw(std::move(b))};
    }
    test::TempDir place_;
    TlsIdentity good_, other_;
};

// Between the two of a connection: hands on what `bend` makes of it, a direction each.
class Meddler {
public:
    using Bend = std::function<bool(std::string&, bool to_listener)>;  // false: cut both off, without farewell
    Meddler(unsigned port, Bend bend)
        : listener_(or_throw(TcpListener::listen("127.0.0.1", "0"))),
          thread_([this, port, bend] { run(port, bend); }) {}
    ~Meddler() { thread_.join(); }
    unsigned port() const { return listener_.port(); }

private:
    void run(unsigned port, const Bend& bend) {
        auto in = listener_.accept(5s);
        auto out = TcpSocket::connect("127.0.0.1", std::to_string(port), {}, 5s);
        if (!in || !out) return;
        const int ends[] = {in->native_handle(), out->native_handle()};
        for (;;) {
            pollfd p[] = {{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}};
            if (::poll(p, 2, 5000) <= 0) return;
            for (int i = 0; i < 2; ++i) {
                if (!p[i].revents) continue;
                char room[65536];
                const auto n = ::recv(ends[i], room, sizeof room, MSG_DONTWAIT);
                if (n <= 0) return;
                std::string all(room, static_cast<std::size_t>(n));
                if (!bend(all, i == 0)) return;
                if (::send(ends[1 - i], all.data(), all.size(), MSG_NOSIGNAL) < 0) return;
            }
        }
    }
    TcpListener listener_;
    std::thread thread_;
};

}  // namespace

TEST_F(Tls, both_ways_and_an_end_in_order) {
    auto two = meet();
    std::byte room[100'000];
    for (const std::size_t n : {0u, 1u, 16'000u, 90'000u}) {
        const std::string text(n, 'x');
        WYE_ASSERT_OK(two.a.send(bytes_of(text), 5s));
        EXPECT_EQ(text_of(or_throw(two.b.recv(room, 5s))), text);
        WYE_ASSERT_OK(two.b.send(bytes_of(text), 5s));
        EXPECT_EQ(text_of(or_throw(two.a.recv(room, 5s))), text);
    }
    WYE_EXPECT_ERRC(Errc::timed_out, two.a.recv(room, Deadline::now()));
    WYE_ASSERT_OK(two.a.close_write());
    WYE_EXPECT_ERRC(Errc::closed, two.b.recv(room, 5s));
    WYE_ASSERT_OK(two.b.send(bytes_of("still"), 5s));
    EXPECT_EQ(text_of(or_throw(two.a.recv(room, 5s))), "still");
    WYE_EXPECT_ERRC(Errc::closed, two.a.send(bytes_of("x")));
    { const auto gone = std::move(two.b); }
    WYE_EXPECT_ERRC(Errc::closed, two.a.recv(room, 5s));
}

TEST_F(Tls, nobody_is_let_in_whom_the_other_does_not_trust) {
    auto l = listen(good_);
    std::thread hears([&] { WYE_EXPECT_ERRC(Errc::timed_out, l.accept(1500ms)); });
    std::byte room[16];
    // The connecting end does not know who signed the listener's.
    auto mistrusts = connect(l.port(), {.ca = other_.ca, .cert = good_.cert, .key = good_.key, .name = {}});
    WYE_EXPECT_ERRC(Errc::denied, mistrusts);
    EXPECT_NE(mistrusts.error().message().find("certificate"), std::string::npos) << mistrusts.error().message();
    // The listener does not know who signed ours: by the nature of TLS 1.3 we hear of it when we read.
    auto stranger = connect(l.port(), {.ca = good_.ca, .cert = other_.cert, .key = other_.key, .name = {}});
    if (stranger) WYE_EXPECT_ERRC(Errc::denied, stranger->recv(room, 5s));
    // The right authority, and another host.
    auto elsewhere = good_;
    elsewhere.name = "example.org";
    WYE_EXPECT_ERRC(Errc::denied, connect(l.port(), elsewhere));
    hears.join();
    auto named = good_;
    named.name = "somebody.example";
    auto picky = listen(named);
    std::thread hears_too([&] { WYE_EXPECT_ERRC(Errc::timed_out, picky.accept(500ms)); });
    auto unnamed = connect(picky.port(), good_);
    if (unnamed) WYE_EXPECT_ERRC(Errc::denied, unnamed->recv(room, 5s));
    hears_too.join();
}

TEST_F(Tls, a_key_that_others_may_read_is_refused) {
    for (const mode_t mode : {0640u, 0604u, 0660u, 0620u}) {
        ASSERT_EQ(::chmod(good_.key.c_str(), mode), 0);
        const auto r = TlsListener::listen("127.0.0.1", "0", {.who = good_});
        WYE_EXPECT_ERRC(Errc::denied, r);
        EXPECT_NE(r.error().message().find("chmod 600"), std::string::npos);
    }
    ASSERT_EQ(::chmod(good_.key.c_str(), 0600), 0);
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(good_.key.c_str(), 12345, 12345), 0);
        WYE_EXPECT_ERRC(Errc::denied, TlsListener::listen("127.0.0.1", "0", {.who = good_}));
        ASSERT_EQ(::chown(good_.key.c_str(), 0, 0), 0);
    }
    auto wrong = good_;
    wrong.key = other_.key;
    WYE_EXPECT_ERRC(Errc::mismatch, TlsListener::listen("127.0.0.1", "0", {.who = wrong}));
    wrong.key = good_.cert;
    WYE_EXPECT_ERRC(Errc::mismatch, TlsListener::listen("127.0.0.1", "0", {.who = wrong}));
    wrong.key = "/no/such/key";
    WYE_EXPECT_ERRC(Errc::not_found, TlsListener::listen("127.0.0.1", "0", {.who = wrong}));
}

TEST_F(Tls, what_was_changed_on_the_way_is_never_taken) {
    // One bit of each byte of the first 200 in turn, of what is said after the hands were shaken.
    unsigned corrupt = 0;
    for (unsigned at = 0; at < 60; ++at) {
        auto l = listen(good_);
        std::atomic<bool> shaken = false;
        Meddler m(l.port(), [&, at](std::string& s, bool to_listener) {
            if (shaken && to_listener && s.size() > at) s[at] = static_cast<char>(s[at] ^ 1);
            return true;
        });
        Result<TlsSocket> a = fail(Errc::failed);
        std::thread accepts([&] { a = l.accept(5s); });
        auto b = connect(m.port(), good_);
        accepts.join();
        ASSERT_TRUE(a && b);
        shaken = true;
        WYE_ASSERT_OK(b->send(bytes_of("pay Alice 100, and nobody else anything at all")));
        std::byte room[100];
        const auto got = a->recv(room, 5s);
        ASSERT_FALSE(got.has_value()) << "taken with byte " << at << " changed: " << text_of(*got);
        corrupt += got.error().is(Errc::corrupt);
        { const auto gone = std::move(*a), gone_too = std::move(*b); }
    }
    EXPECT_GT(corrupt, 50u);
}

TEST_F(Tls, a_connection_that_is_cut_is_no_end) {
    for (const bool within : {false, true}) {
        auto l = listen(good_);
        std::atomic<int> let = 1000;
        Meddler m(l.port(), [&](std::string& s, bool to_listener) {
            if (to_listener && within && let == 1) s.resize(s.size() / 2);
            return !to_listener || let-- > 0;
        });
        Result<TlsSocket> a = fail(Errc::failed);
        std::thread accepts([&] { a = l.accept(5s); });
        auto b = connect(m.port(), good_);
        accepts.join();
        ASSERT_TRUE(a && b);
        std::byte room[100];
        WYE_ASSERT_OK(b->send(bytes_of("whole")));
        EXPECT_EQ(text_of(or_throw(a->recv(room, 5s))), "whole");
        let = within ? 1 : 0;
        WYE_ASSERT_OK(b->send(bytes_of("lost")));
        ::poll(nullptr, 0, 20);
        if (within) (void)b->send(bytes_of("more"));
        WYE_EXPECT_ERRC(Errc::peer_died, a->recv(room, 5s));
    }
}

TEST_F(Tls, half_open_handshakes_stop_nobody) {
    auto l = listen(good_);
    std::vector<TcpSocket> flood;
    std::chrono::nanoseconds worst{};
    for (int wave = 0; wave < 10; ++wave) {
        for (int i = 0; i < 30; ++i) {
            auto s = TcpSocket::connect("127.0.0.1", std::to_string(l.port()), {}, 5s);
            if (!s) break;
            if (i % 2) (void)::send(s->native_handle(), "\x16\x03\x01\x02", 4, MSG_NOSIGNAL);  // the beginning of one
            flood.push_back(std::move(*s));
        }
        const auto begin = Deadline::Clock::now();
        Result<TlsSocket> b = fail(Errc::failed);
        std::thread other([&] { b = connect(l.port(), good_); });
        auto a = l.accept(5s);
        other.join();
        WYE_ASSERT_OK(a);
        WYE_ASSERT_OK(b);
        worst = std::max<std::chrono::nanoseconds>(worst, Deadline::Clock::now() - begin);
    }
    EXPECT_LT(worst, 2s);
    std::printf("300 half-open handshakes: the slowest of 10 that came among them took %lld us\n",
                static_cast<long long>(worst.count() / 1000));
}

TEST_F(Tls, who_speaks_no_tls_is_sent_away) {
    auto l = listen(good_, {.handshake = 300ms});
    auto plain = or_throw(TcpSocket::connect("127.0.0.1", std::to_string(l.port()), {}, 5s));
    auto silent = or_throw(TcpSocket::connect("127.0.0.1", std::to_string(l.port()), {}, 5s));
    (void)::send(plain.native_handle(), "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL);
    const auto begin = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, l.accept(800ms));
    EXPECT_LT(Deadline::Clock::now() - begin, 2s);
    char room[512];
    for (auto* s : {&plain, &silent}) {
        pollfd p{s->native_handle(), POLLIN, 0};
        ASSERT_EQ(::poll(&p, 1, 2000), 1);
        while (::recv(s->native_handle(), room, sizeof room, MSG_DONTWAIT) > 0) {}
        EXPECT_LE(::recv(s->native_handle(), room, sizeof room, MSG_DONTWAIT), 0);
    }
    // And the other way: what answers is no TLS.
    auto tcp = or_throw(TcpListener::listen("127.0.0.1", "0"));
    std::thread answers([&] {
        auto s = or_throw(tcp.accept(5s));
        (void)::send(s.native_handle(), "220 mail.example\r\n", 18, MSG_NOSIGNAL);
        ::poll(nullptr, 0, 200);
    });
    WYE_EXPECT_ERRC(Errc::mismatch, connect(tcp.port(), good_));
    answers.join();
}

TEST_F(Tls, a_handshake_keeps_the_deadline) {
    auto tcp = or_throw(TcpListener::listen("127.0.0.1", "0"));
    const auto begin = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, connect(tcp.port(), good_, 100ms));
    EXPECT_LT(Deadline::Clock::now() - begin, 1s);
}

TEST_F(Tls, uris_name_the_files) {
    for (const auto* bad : {"tls://127.0.0.1:7", "tls://127.0.0.1:7?ca=x", "tls://127.0.0.1:7?ca=x&cert=y",
                            "tls://127.0.0.1:0?ca=x&cert=y&key=z&verify=none", "tls:127.0.0.1:7?ca=x&cert=y&key=z"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad));
    const auto uri = find_mechanism("tls")->scratch("")[0];
    auto server = or_throw(wye::open(uri + "&listen"));
    std::thread waits([&] { EXPECT_TRUE(server.wait_peer(5s)); });
    auto client = wye::open(uri, {}, 5s);
    waits.join();
    WYE_ASSERT_OK(client);
    WYE_ASSERT_OK(client->send(bytes_of("by name"), 5s));
    std::byte room[16];
    EXPECT_EQ(text_of(or_throw(server.recv(room, 5s))), "by name");
}

TEST_F(Tls, patterns_go_over_it_for_those_who_may) {
    const auto uri = find_mechanism("tls")->scratch("")[0];
    auto p = or_throw(Publisher<std::string>::open(uri + "&listen"));
    auto s = or_throw(Subscriber<std::string>::open(uri, {.slow = Slow::block}, 5s));
    for (int i = 0; i < 100; ++i) WYE_ASSERT_OK(p.publish(std::string(10'000, 'x'), "t", 5s));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(or_throw(s.next(5s))->size(), 10'000u);
    const auto port = uri.substr(0, uri.find('?'));
    const auto stranger = port + "?ca=" + good_.ca + "&cert=" + good_.cert + "&key=" + good_.key;
    WYE_EXPECT_ERRC(Errc::denied, Subscriber<std::string>::open(stranger, {}, 5s));
    WYE_EXPECT_ERRC(Errc::peer_died, Subscriber<std::string>::open("tcp" + port.substr(3), {}, 5s));
}

TEST(TcpPlaintext, beyond_this_machine_it_must_be_said) {
    for (const auto* bad : {"tcp://192.0.2.1:7", "tcp://example.invalid:7", "tcp://:7?listen", "tcp://0.0.0.0:7?listen",
                            "tcp://[::]:7?listen", "tcp://127.example.org:7"}) {
        const auto r = wye::open(bad, {}, Deadline::now());
        WYE_EXPECT_ERRC(Errc::denied, r);
        EXPECT_NE(r.error().message().find("plaintext=allow"), std::string::npos);
        EXPECT_NE(r.error().message().find("tls://"), std::string::npos) << r.error().message();
        WYE_EXPECT_ERRC(Errc::denied, Publisher<>::open(bad, {}, Deadline::now()));
    }
    WYE_EXPECT_ERRC(Errc::bad_address, wye::open("tcp://192.0.2.1:7?plaintext=yes"));
    WYE_ASSERT_OK(wye::open("tcp://:0?listen&plaintext=allow"));
}
