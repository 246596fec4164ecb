#include "transport/nats/nats_test.hpp"

using namespace wye;
using namespace std::chrono_literals;
using namespace wye::test;

TEST(Nats, a_message_goes_from_one_to_all_who_listen) {
    WYE_NEEDS_NATS();
    const auto uri = nats_server().uri("room.hello");
    auto a = or_throw(wye::open(uri, {.mode = Mode::read}, 5s)), b = or_throw(wye::open(uri, {.mode = Mode::read}, 5s));
    auto from = or_throw(wye::open(uri, {.mode = Mode::write}, 5s));
    WYE_ASSERT_OK(from.send(bytes_of("to all"), 1s));
    WYE_ASSERT_OK(from.send({}, 1s));
    for (auto* to : {&a, &b}) {
        EXPECT_EQ(text_of(or_throw(to->recv_view(2s))), "to all");
        EXPECT_TRUE(or_throw(to->recv_view(2s)).empty());
        WYE_EXPECT_ERRC(Errc::timed_out, to->recv_view(Deadline::now()));
    }
}

TEST(Nats, a_message_that_does_not_fit_stays) {
    WYE_NEEDS_NATS();
    const auto uri = nats_server().uri("room.fit");
    auto to = or_throw(wye::open(uri, {.mode = Mode::read}, 5s));
    auto from = or_throw(wye::open(uri, {.mode = Mode::write}, 5s));
    WYE_ASSERT_OK(from.send(bytes_of("twelve bytes"), 1s));
    std::byte small[4], large[64];
    WYE_EXPECT_ERRC(Errc::too_big, to.recv(small, 2s));
    EXPECT_EQ(text_of(or_throw(to.recv(large, 2s))), "twelve bytes");
}

TEST(Nats, what_is_too_big_is_refused_with_the_limit_before_it_is_sent) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    EXPECT_EQ(e->max_message(), 1u << 20);
    const std::vector<std::byte> big((1 << 20) + 1);
    const auto r = e->publish({.subject = "x", .bytes = big}, 1s);
    WYE_EXPECT_ERRC(Errc::too_big, r);
    EXPECT_NE(r.error().message().find("1048576"), std::string::npos) << r.error().message();
    WYE_EXPECT_ERRC(Errc::too_big, e->request({.subject = "x", .bytes = big}, 1s));
    WYE_ASSERT_OK(e->flush(1s));  // the server would have ended the connection
}

TEST(Nats, the_descriptor_is_readable_while_something_waits) {
    WYE_NEEDS_NATS();
    const auto uri = nats_server().uri("room.poll");
    auto to = or_throw(wye::open(uri, {.mode = Mode::read}, 5s));
    auto from = or_throw(wye::open(uri, {.mode = Mode::write}, 5s));
    const auto readable = [&](int ms) {
        pollfd p{.fd = to.native_handle(), .events = POLLIN, .revents = 0};
        return ::poll(&p, 1, ms) == 1;
    };
    EXPECT_FALSE(readable(0));
    WYE_ASSERT_OK(from.send(bytes_of("1"), 1s));
    WYE_ASSERT_OK(from.send(bytes_of("2"), 1s));
    EXPECT_TRUE(readable(2000));
    WYE_ASSERT_OK(to.recv_view(1s));
    WYE_ASSERT_OK(to.recv_view(1s));
    EXPECT_FALSE(readable(0));
}

TEST(Nats, requests_are_answered_and_nobody_there_is_told_at_once) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::not_found, e->request({.subject = "room.nobody"}, 10s));
    EXPECT_LE(Deadline::Clock::now() - start, 2s);
    auto in = or_throw(e->subscribe("room.echo", {.group = "g"}));
    std::thread server([&] {
        auto m = or_throw(in->next(5s));
        EXPECT_EQ(m.header("Kind"), "question");
        or_throw(e->publish({.subject = m.reply, .bytes = m.bytes}, 1s));
    });
    const engine::Header kind[] = {{"Kind", "question"}};
    const auto answer = e->request({.subject = "room.echo", .bytes = bytes_of("what?"), .headers = kind}, 5s);
    server.join();
    WYE_ASSERT_OK(answer);
    EXPECT_EQ(text_of(answer->bytes), "what?");
    WYE_EXPECT_ERRC(Errc::unknown, e->request({.subject = "room.echo"}, 100ms));  // heard, and not answered
}

TEST(Nats, the_report_says_what_it_is_and_what_is_known_against_it) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    const auto& r = e->report();
    EXPECT_EQ(r.engine, "nats");
    EXPECT_EQ(r.server, "wye");
    EXPECT_TRUE(r.streams && r.deduplicates);
    EXPECT_EQ(r.most, Durability::process);
    if (r.version != "2.9.10") GTEST_SKIP() << "the warnings are those of 2.9.10, this is " << r.version;
    std::string all;
    for (const auto& w : r.warnings) all += w + "\n";
    for (const auto* known : {"CVE-2023-47090", "CVE-2025-30215", "sync_interval", "come again as new"})
        EXPECT_NE(all.find(known), std::string::npos) << all;
}

TEST(Nats, what_is_slow_loses_the_oldest_and_is_told_how_many) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    auto in = or_throw(e->subscribe("room.slow", {.most = 10}));
    for (int i = 0; i < 25; ++i) WYE_ASSERT_OK(e->publish({.subject = "room.slow", .bytes = bytes_of(i)}, 1s));
    WYE_ASSERT_OK(e->flush(1s));
    for (int tries = 0; in->dropped() < 15 && tries < 200; ++tries) std::this_thread::sleep_for(5ms);
    EXPECT_EQ(in->dropped(), 15u);
    auto first = or_throw(in->next(1s));
    int value = 0;
    std::memcpy(&value, first.bytes.data(), sizeof value);
    EXPECT_EQ(value, 15);
}

// A subscription that is dropped under fire: what the client library may crash at when it is destroyed too early.
TEST(Nats, subscriptions_are_dropped_while_messages_arrive) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    std::atomic<bool> stop = false;
    std::thread fire([&] {
        while (!stop) (void)e->publish({.subject = "room.fire", .bytes = bytes_of("x")}, 1s);
    });
    for (int i = 0; i < 25; ++i) {
        auto in = e->subscribe("room.fire", {});
        if (in) (void)(*in)->next(50ms);
    }
    stop = true;
    fire.join();
}

TEST(Nats, uris_are_held_to_what_they_may_say) {
    for (const auto* bad :
         {"nats:", "nats://", "nats://127.0.0.1", "nats://127.0.0.1:0/x", "nats://127.0.0.1:4333",
          "nats://127.0.0.1:4333/", "nats://127.0.0.1:4333,/x", "nats://127.0.0.1:4333/x?tls=yes",
          "nats://127.0.0.1:4333/x?login=", "nats://127.0.0.1:4333/x?login=a&creds=b", "nats://127.0.0.1:4333/x?nkey=U",
          "nats://127.0.0.1:4333/x?ca=f", "nats://127.0.0.1:4333/x?tls&cert=f", "nats://127.0.0.1:4333/x?durable=d",
          "nats://127.0.0.1:4333/x?plaintext=yes"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad, {}, 1s));
}

TEST(Nats, a_password_in_a_uri_is_refused_and_not_repeated) {
    const auto r = wye::open("nats://app:hunter2@127.0.0.1:4333/x", {}, 1s);
    WYE_EXPECT_ERRC(Errc::bad_address, r);
    EXPECT_EQ(r.error().message().find("hunter2"), std::string::npos);
    EXPECT_NE(r.error().message().find("login=FILE"), std::string::npos);
}

TEST(Nats, nothing_leaves_the_host_in_the_clear_unless_it_is_allowed) {
    for (const auto* far : {"nats://192.0.2.1:4222/x", "nats://db.example:4222/x",
                            "nats://127.0.0.1:4222,10.0.0.1:4222/x", "nats://127.evil.example:4222/x"})
        WYE_EXPECT_ERRC(Errc::denied, wye::open(far, {}, 1s));
    for (const auto* near : {"nats://192.0.2.1:4222/x?plaintext=allow", "nats://localhost:1/x", "nats://127.0.0.2:1/x",
                             "nats://[::1]:1/x"}) {
        const auto r = wye::open(near, {}, 100ms);
        ASSERT_FALSE(r);
        EXPECT_FALSE(r.error().is(Errc::denied)) << r.error().message();
    }
}
