// Streams: what is acknowledged, what is repeated, and what happens when they vanish.
#include "os/fork.hpp"
#include "transport/nats/nats_test.hpp"

using namespace wye;
using namespace std::chrono_literals;
using namespace wye::test;
using engine::Retention;

namespace {

struct Scene {
    std::string name = unique_name("S");
    std::unique_ptr<engine::Engine> engine = or_throw(connect_to(nats_server().uri("x")));
    engine::Stream stream = or_throw(engine->ensure_stream({.name = name, .subjects = {name + ".>"}}, 5s));
    Result<engine::Receipt> store(std::string_view text, std::string_view id, Deadline d = 5s) {
        return engine->store(stream, {.subject = name + ".a", .bytes = bytes_of(text)}, id, d);
    }
};

// What a test that means harm does to the server behind our back: by another client.
Result<> api(engine::Engine& e, const std::string& what, std::string_view json = {}) {
    WYE_TRY(const auto m, e.request({.subject = "$JS.API." + what, .bytes = bytes_of(json)}, 5s));
    if (text_of(m.bytes).find("\"error\"") != std::string_view::npos) return refuse(Errc::failed, text_of(m.bytes));
    return {};
}

}  // namespace

TEST(NatsStreams, an_id_published_twice_is_one_message) {
    WYE_NEEDS_NATS();
    Scene s;
    const auto first = or_throw(s.store("one", "id-1")), again = or_throw(s.store("one", "id-1")),
               other = or_throw(s.store("two", "id-2"));
    EXPECT_FALSE(first.duplicate);
    EXPECT_TRUE(again.duplicate);
    EXPECT_EQ(again.sequence, first.sequence);
    EXPECT_EQ(other.sequence, first.sequence + 1);
    EXPECT_EQ(or_throw(s.engine->stream(s.name, 5s)).messages, 2u);
}

// Somebody who answers for the stream, one answer after another; an empty one is none.
Result<engine::Receipt> answered(const std::vector<std::string>& answers) {
    Scene s;
    const auto subject = unique_name("instead");
    auto other = or_throw(connect_to(nats_server().uri("x")));
    auto in = or_throw(other->subscribe(subject, {}));
    or_throw(other->flush(5s));
    std::jthread instead([&] {
        for (const auto& a : answers) {
            const auto m = in->next(10s);
            if (m && !a.empty()) (void)other->publish({.subject = m->reply, .bytes = bytes_of(a)}, 5s);
        }
    });
    return s.engine->store(s.stream, {.subject = subject, .bytes = bytes_of("x")}, "id", 5s);
}

TEST(NatsStreams, what_was_sent_before_may_be_there_whatever_the_server_says_of_the_next) {
    WYE_NEEDS_NATS();
    const std::string in_process = R"({"error":{"code":409,"err_code":10158,"description":"is in process"}})",
                      refused = R"({"error":{"code":400,"err_code":10060,"description":"expected stream"}})",
                      full = R"({"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"}})",
                      there = R"({"stream":"S","seq":7,"duplicate":true})";
    EXPECT_EQ(or_throw(answered({in_process, there})).sequence, 7u);
    EXPECT_EQ(or_throw(answered({"", full, there})).sequence, 7u);
    WYE_EXPECT_ERRC(Errc::unknown, answered({"", refused}));
    // Of the first it is known.
    WYE_EXPECT_ERRC(Errc::exhausted, answered({full}));
    const auto r = answered({refused});
    EXPECT_FALSE(r || r.error().is(Errc::unknown)) << r.error().message();
}

TEST(NatsStreams, what_is_there_must_be_what_was_asked_for) {
    WYE_NEEDS_NATS();
    Scene s;
    WYE_ASSERT_OK(s.engine->ensure_stream({.name = s.name, .subjects = {s.name + ".>"}}, 5s));
    WYE_EXPECT_ERRC(
        Errc::already_exists,
        s.engine->ensure_stream({.name = s.name, .subjects = {s.name + ".>"}, .create = Create::exclusive}, 5s));
    WYE_EXPECT_ERRC(Errc::mismatch, s.engine->ensure_stream({.name = s.name, .subjects = {s.name + ".x"}}, 5s));
    WYE_EXPECT_ERRC(
        Errc::mismatch,
        s.engine->ensure_stream({.name = s.name, .subjects = {s.name + ".>"}, .retention = Retention::work}, 5s));
    WYE_EXPECT_ERRC(Errc::mismatch,
                    s.engine->ensure_stream({.name = s.name, .subjects = {s.name + ".>"}, .replicas = 3}, 5s));
    WYE_EXPECT_ERRC(Errc::not_found, s.engine->ensure_stream(
                                         {.name = unique_name("N"), .subjects = {"n"}, .create = Create::never}, 5s));
    WYE_EXPECT_ERRC(Errc::not_found, s.engine->stream(unique_name("N"), 5s));
}

TEST(NatsStreams, power_is_refused_with_the_reason) {
    WYE_NEEDS_NATS();
    Scene s;
    const auto r =
        s.engine->ensure_stream({.name = unique_name("P"), .subjects = {"p"}, .durability = Durability::power}, 5s);
    WYE_EXPECT_ERRC(Errc::unsupported, r);
    EXPECT_NE(r.error().message().find("sync_interval"), std::string::npos) << r.error().message();
}

TEST(NatsStreams, a_server_without_streams_says_how_to_have_them) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({.streams = false}));
    auto e = or_throw(connect_to(server.uri("x")));
    EXPECT_FALSE(e->report().streams);
    EXPECT_EQ(e->report().most, Durability::none);
    const auto r = e->ensure_stream({.name = "S", .subjects = {"s"}}, 5s);
    WYE_EXPECT_ERRC(Errc::unsupported, r);
    EXPECT_NE(r.error().message().find("wye cluster up"), std::string::npos) << r.error().message();
}

TEST(NatsStreams, acknowledged_messages_survive_the_server) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({}));
    auto e = or_throw(connect_to(server.uri("x")));
    const auto stream = or_throw(e->ensure_stream({.name = "S", .subjects = {"s"}}, 5s));
    for (int i = 0; i < 200; ++i)
        WYE_ASSERT_OK(e->store(stream, {.subject = "s", .bytes = bytes_of(i)}, std::to_string(i), 5s));
    WYE_ASSERT_OK(server.kill());
    WYE_ASSERT_OK(server.restart());
    WYE_ASSERT_OK(e->store(stream, {.subject = "s", .bytes = bytes_of("after")}, "after", 5s));
    EXPECT_EQ(or_throw(e->stream("S", 5s)).messages, 201u);
    EXPECT_EQ(or_throw(e->stream("S", 5s)).created, stream.created);
}

TEST(NatsStreams, a_publish_without_an_answer_is_unknown_and_with_one_it_is_stored_once) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({}));
    auto e = or_throw(connect_to(server.uri("x")));
    const auto stream = or_throw(e->ensure_stream({.name = "S", .subjects = {"s"}}, 5s));
    WYE_ASSERT_OK(e->store(stream, {.subject = "s"}, "0", 5s));
    WYE_ASSERT_OK(server.pause());
    WYE_EXPECT_ERRC(Errc::unknown, e->store(stream, {.subject = "s"}, "1", 300ms));
    std::thread later([&] {
        std::this_thread::sleep_for(300ms);
        or_throw(server.resume());
    });
    const auto r = e->store(stream, {.subject = "s"}, "1", 10s);
    later.join();
    WYE_ASSERT_OK(r);
    EXPECT_TRUE(r->duplicate);  // the one that was unknown had been stored
    EXPECT_EQ(or_throw(e->stream("S", 5s)).messages, 2u);
    WYE_ASSERT_OK(server.kill());
    while (e->publish({.subject = "none"}, Deadline::now())) std::this_thread::sleep_for(1ms);  // it is noticed
    WYE_EXPECT_ERRC(Errc::timed_out, e->store(stream, {.subject = "s"}, "2", 200ms));           // never sent
}

TEST(NatsStreams, a_stream_that_is_gone_is_told_and_not_made_again) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .durable = "d"}, 5s));
    WYE_ASSERT_OK(s.store("one", "1"));
    WYE_ASSERT_OK(pull->done(or_throw(pull->next(5s)), true, 5s));
    WYE_ASSERT_OK(api(*s.engine, "STREAM.DELETE." + s.name));
    WYE_EXPECT_ERRC(Errc::corrupt, s.store("two", "2"));
    WYE_EXPECT_ERRC(Errc::corrupt, pull->next(5s));
    WYE_EXPECT_ERRC(Errc::not_found, s.engine->stream(s.name, 5s));
}

TEST(NatsStreams, a_stream_made_anew_under_a_client_is_not_the_same) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .durable = "d"}, 5s));
    for (int i = 0; i < 3; ++i) WYE_ASSERT_OK(s.store("x", std::to_string(i)));
    WYE_ASSERT_OK(pull->next(5s));
    WYE_ASSERT_OK(api(*s.engine, "STREAM.DELETE." + s.name));
    auto other = or_throw(connect_to(nats_server().uri("x")));
    const auto anew = or_throw(other->ensure_stream({.name = s.name, .subjects = {s.name + ".>"}}, 5s));
    auto theirs = or_throw(other->pull({.stream = anew, .durable = "d"}, 5s));
    EXPECT_NE(anew.created, s.stream.created);
    WYE_EXPECT_ERRC(Errc::corrupt, s.store("y", "4"));
    WYE_EXPECT_ERRC(Errc::corrupt, pull->next(5s));
}

TEST(NatsStreams, a_durable_name_that_was_removed_is_told) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .durable = "d"}, 5s));
    WYE_EXPECT_ERRC(Errc::timed_out, pull->next(50ms));
    WYE_ASSERT_OK(api(*s.engine, "CONSUMER.DELETE." + s.name + ".d"));
    WYE_EXPECT_ERRC(Errc::corrupt, pull->next(5s));
}

TEST(NatsStreams, a_reader_without_a_name_goes_on_when_the_server_forgot_it) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .settles = false, .ahead = 4}, 5s));
    for (int i = 0; i < 6; ++i) WYE_ASSERT_OK(s.store(std::to_string(i), std::to_string(i)));
    EXPECT_EQ(or_throw(pull->next(5s)).sequence, 1u);
    const auto list = or_throw(s.engine->request({.subject = "$JS.API.CONSUMER.NAMES." + s.name}, 5s));
    const auto text = text_of(list.bytes);
    const auto at = text.find("\"consumers\":[\"") + 14;
    ASSERT_LT(at, text.size()) << text;
    WYE_ASSERT_OK(
        api(*s.engine, "CONSUMER.DELETE." + s.name + "." + std::string(text.substr(at, text.find('"', at) - at))));
    for (std::uint64_t n = 2; n <= 6; ++n) EXPECT_EQ(or_throw(pull->next(5s)).sequence, n);
}

TEST(NatsStreams, what_is_taken_and_not_settled_comes_again) {
    WYE_NEEDS_NATS();
    Scene s;
    const engine::PullerOptions how{.stream = s.stream, .durable = "d", .lease = 300ms};
    auto a = or_throw(s.engine->pull(how, 5s)), b = or_throw(s.engine->pull(how, 5s));
    WYE_ASSERT_OK(s.store("job", "1"));
    auto got = or_throw(a->next(5s));
    EXPECT_EQ(got.deliveries, 1u);
    EXPECT_EQ(or_throw(a->depth(5s)).in_hand, 1u);
    for (int i = 0; i < 3; ++i) {  // longer than the lease, and extended
        std::this_thread::sleep_for(150ms);
        WYE_ASSERT_OK(a->extend(got, 5s));
        WYE_EXPECT_ERRC(Errc::timed_out, b->next(Deadline::now()));
    }
    auto again = or_throw(b->next(5s));
    EXPECT_EQ(again.deliveries, 2u);
    EXPECT_EQ(again.sequence, got.sequence);
    WYE_ASSERT_OK(b->give_back(again, 200ms));
    const auto start = Deadline::Clock::now();
    again = or_throw(b->next(5s));
    EXPECT_GE(Deadline::Clock::now() - start, 150ms);
    EXPECT_EQ(again.deliveries, 3u);
    WYE_ASSERT_OK(b->done(again, true, 5s));
    EXPECT_EQ(or_throw(b->depth(5s)).in_hand, 0u);
    WYE_EXPECT_ERRC(Errc::timed_out, a->next(400ms));
}

TEST(NatsStreams, a_taker_that_was_asked_for_nothing_holds_nothing_back) {
    WYE_NEEDS_NATS();
    Scene s;
    const engine::PullerOptions how{.stream = s.stream, .durable = "d", .lease = 30s};
    auto a = or_throw(s.engine->pull(how, 5s)), b = or_throw(s.engine->pull(how, 5s));
    WYE_EXPECT_ERRC(Errc::timed_out, a->next(100ms));
    std::this_thread::sleep_for(100ms);  // its request is over
    WYE_ASSERT_OK(s.store("job", "1"));
    EXPECT_EQ(or_throw(b->next(1s)).deliveries, 1u);
    // What came to one that is dropped goes to another at once.
    (void)a->native_handle();
    WYE_EXPECT_ERRC(Errc::timed_out, a->next(Deadline::now()));  // asks, and has told where it can be heard
    WYE_ASSERT_OK(s.store("job", "2"));
    pollfd p{.fd = a->native_handle(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&p, 1, 2000), 1);
    a.reset();
    EXPECT_EQ(or_throw(b->next(5s)).deliveries, 2u);
}

// The attack that makes the library's own fetch write beyond its list: requests that time out while their answers are
// under way, and then one for many.
TEST(NatsStreams, requests_that_timed_out_spoil_nothing) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .durable = "d", .ahead = 10}, 5s));
    int sent = 0, got = 0;
    for (int round = 0; round < 40; ++round) {
        while (pull->next(1ms)) ++got;
        for (int i = 0; i < 10; ++i) WYE_ASSERT_OK(s.store("x", std::to_string(sent++)));
    }
    while (got < sent && pull->next(2s)) ++got;
    EXPECT_EQ(got, sent);
    WYE_EXPECT_ERRC(Errc::timed_out, pull->next(Deadline::now()));
}

TEST(NatsStreams, waiting_and_polling_keep_their_deadlines) {
    WYE_NEEDS_NATS();
    Scene s;
    auto pull = or_throw(s.engine->pull({.stream = s.stream, .durable = "d"}, 5s));
    auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, pull->next(120ms));
    EXPECT_LE(Deadline::Clock::now() - start, 220ms);
    start = Deadline::Clock::now();
    for (int i = 0; i < 10; ++i) WYE_EXPECT_ERRC(Errc::timed_out, pull->next(Deadline::now()));
    EXPECT_LE(Deadline::Clock::now() - start, 300ms);
    WYE_ASSERT_OK(s.store("x", "1"));
    WYE_ASSERT_OK(pull->next(Deadline::now()));
    pollfd p{.fd = pull->native_handle(), .events = POLLIN, .revents = 0};
    ASSERT_GE(p.fd, 0);
    WYE_ASSERT_OK(s.store("y", "2"));
    EXPECT_EQ(::poll(&p, 1, 2000), 1);
    WYE_ASSERT_OK(pull->next(Deadline::now()));
}
