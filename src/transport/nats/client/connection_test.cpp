#include "transport/nats/client/connection.hpp"

#include "wye/transport/tcp.hpp"

#include "transport/nats/client/info.hpp"
#include "transport/nats/nats_test.hpp"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;
using namespace wye::test;

namespace {

bool ignores_sigpipe() {
    struct sigaction now{};
    ::sigaction(SIGPIPE, nullptr, &now);
    return now.sa_handler == SIG_IGN;
}

std::string written(const TempDir& d, const char* name, std::string_view text, mode_t mode = 0600) {
    const auto path = d / name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
}

}  // namespace

TEST(NatsConnection, sigpipe_stays_what_it_was) {
    WYE_NEEDS_NATS();
    const auto uri = nats_server().uri("x");
    Child child([&] {
        ::signal(SIGPIPE, SIG_DFL);
        auto e = or_throw(connect_to(uri));
        const bool kept = !ignores_sigpipe();
        ::signal(SIGPIPE, SIG_IGN);
        auto f = or_throw(connect_to(uri));
        return kept && ignores_sigpipe();
    });
    EXPECT_TRUE(child.ok());
}

// With the default action a write to a connection that the server has closed would end the process.
TEST(NatsConnection, a_server_that_dies_raises_no_sigpipe) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({}));
    const auto uri = server.uri("x");
    const auto pid = server.pid();
    Child child([&] {
        ::signal(SIGPIPE, SIG_DFL);
        auto e = or_throw(connect_to(uri));
        ::kill(pid, SIGKILL);
        for (int i = 0; i < 2000; ++i) (void)e->publish({.subject = "x", .bytes = bytes_of("to a dead server")}, 1ms);
        return true;
    });
    EXPECT_TRUE(child.ok());
}

TEST(NatsConnection, in_a_forked_child_it_is_unsupported_and_nothing_hangs) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    auto in = or_throw(e->subscribe("forked", {}));
    Child child([&] {
        WYE_EXPECT_ERRC(Errc::unsupported, e->publish({.subject = "x"}, 1s));
        WYE_EXPECT_ERRC(Errc::unsupported, e->flush(1s));
        WYE_EXPECT_ERRC(Errc::unsupported, e->request({.subject = "x"}, 1s));
        WYE_EXPECT_ERRC(Errc::unsupported, in->next(1s));
        WYE_EXPECT_ERRC(Errc::unsupported, e->stream("S", 1s));
        in.reset();
        e.reset();
        // A connection of its own it can have. (TSan lets a child of threads start none.)
        if (test::under_tsan) return !testing::Test::HasFailure();
        auto own = connect_to(nats_server().uri("x"));
        if (!own) return ADD_FAILURE() << own.error().message(), false;
        auto heard = or_throw((*own)->subscribe("child", {}));
        or_throw((*own)->publish({.subject = "child", .bytes = bytes_of("from the child")}, 1s));
        EXPECT_EQ(text_of(or_throw(heard->next(5s)).bytes), "from the child");
        return !testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok(5s));
    WYE_ASSERT_OK(e->flush(1s));
}

// What listens there is asked first: a bounded number of bytes, and until the deadline.
TEST(NatsConnection, what_is_no_server_is_told_from_one) {
    const auto answer = [](std::string_view text, Deadline d) {
        auto l = or_throw(TcpListener::listen("127.0.0.1", "0", {.stream = {.framing = Framing::raw}}));
        std::thread other([&] {
            auto s = l.accept(5s);
            if (s && !text.empty()) (void)s->send(bytes_of(text), 5s);
            std::byte room[16];
            if (s) (void)s->recv(room, 3s);
        });
        const auto r = nats_connect({{"127.0.0.1", std::to_string(l.port())}}, {}, d);
        other.join();
        EXPECT_FALSE(r);
        return r ? Errc::failed : r.error().kind();
    };
    EXPECT_EQ(answer("HTTP/1.1 400 Bad Request\r\n\r\n", 2s), Errc::mismatch);
    EXPECT_EQ(answer("INFO {}\r\n", 2s), Errc::mismatch);
    EXPECT_EQ(answer("INFO not json\r\n", 2s), Errc::mismatch);
    EXPECT_EQ(answer("INFO " + std::string(1 << 20, 'x'), 5s), Errc::mismatch);
    const auto start = Deadline::Clock::now();
    EXPECT_EQ(answer("", 200ms), Errc::timed_out);
    EXPECT_LE(Deadline::Clock::now() - start, 4s);
}

TEST(NatsConnection, a_server_that_talks_for_ever_takes_no_memory) {
    auto l = or_throw(TcpListener::listen("127.0.0.1", "0", {.stream = {.framing = Framing::raw}}));
    std::thread other([&] {
        auto s = l.accept(5s);
        const std::string more(1 << 16, 'x');
        (void)s->send(bytes_of("INFO {"), 1s);
        for (int i = 0; i < 1000 && s->send(bytes_of(more), 1s); ++i) {}
    });
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    WYE_EXPECT_ERRC(Errc::mismatch, nats_connect({{"127.0.0.1", std::to_string(l.port())}}, {}, 5s));
    ::getrusage(RUSAGE_SELF, &after);
    other.join();
    EXPECT_LE(after.ru_maxrss - before.ru_maxrss, 8 * 1024);
}

TEST(NatsConnection, the_greeting_is_input) {
    const auto good = nats::parse_info(
        R"(INFO {"server_name":"n","version":"2.10.4-beta.1","max_payload":1048576,"jetstream":true,"headers":true})");
    WYE_ASSERT_OK(good);
    EXPECT_EQ(good->version, (nats::Version{2, 10, 4}));
    EXPECT_TRUE(good->streams && good->headers && !good->tls_required);
    for (const auto* bad : {"", "INFO", "INFO ", "INFO []", "INFO 1", R"(INFO {"version":2,"max_payload":1})",
                            R"(INFO {"version":"2.9.10","max_payload":-1})", R"(INFO {"version":"2.9.10")"})
        WYE_EXPECT_ERRC(Errc::mismatch, nats::parse_info(bad));
}

TEST(NatsConnection, nobody_there_and_a_wrong_password) {
    WYE_NEEDS_NATS();
    const TempDir d;
    WYE_EXPECT_ERRC(Errc::not_found, nats_connect({{"127.0.0.1", "1"}}, {}, 2s));
    NatsOptions o{.login = written(d, "login", "app:wrong\n")};
    const std::vector<HostPort> at{{"127.0.0.1", std::to_string(nats_server().port())}};
    WYE_EXPECT_ERRC(Errc::denied, nats_connect(at, o, 3s));
    WYE_EXPECT_ERRC(Errc::denied, nats_connect(at, {}, 3s));
}

TEST(NatsConnection, a_file_of_secrets_that_others_can_read_is_refused_with_what_to_do) {
    WYE_NEEDS_NATS();
    const TempDir d;
    const std::vector<HostPort> at{{"127.0.0.1", std::to_string(nats_server().port())}};
    for (const mode_t mode : {0644u, 0640u, 0604u, 0620u}) {
        const auto file = written(d, "open", "app:x\n", mode);
        for (const auto& o :
             {NatsOptions{.login = file}, NatsOptions{.creds = file}, NatsOptions{.nkey = "UA", .seed = file}}) {
            const auto r = nats_connect(at, o, 3s);
            WYE_EXPECT_ERRC(Errc::denied, r);
            EXPECT_NE(r.error().message().find("chmod 600 " + file), std::string::npos) << r.error().message();
        }
    }
    WYE_EXPECT_ERRC(Errc::not_found, nats_connect(at, {.login = d / "missing"}, 3s));
    WYE_EXPECT_ERRC(Errc::mismatch, nats_connect(at, {.login = written(d, "odd", "no colon\n")}, 3s));
    WYE_EXPECT_ERRC(Errc::mismatch, nats_connect(at, {.creds = written(d, "creds", "no marks\n")}, 3s));
    WYE_EXPECT_ERRC(Errc::denied, nats_connect(at, {.login = "/dev/null"}, 3s));
}

TEST(NatsConnection, subscriptions_go_on_after_the_server_came_back) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({}));
    auto a = or_throw(connect_to(server.uri("x"))), b = or_throw(connect_to(server.uri("x")));
    auto in = or_throw(a->subscribe("back", {}));
    WYE_ASSERT_OK(a->flush(1s));
    WYE_ASSERT_OK(server.kill());
    std::this_thread::sleep_for(50ms);
    WYE_EXPECT_ERRC(Errc::timed_out, b->publish({.subject = "back"}, 50ms));
    WYE_ASSERT_OK(server.restart());
    // Published again until it is heard: what was published before the subscriber was back is lost.
    bool heard = false;
    for (int i = 0; i < 100 && !heard; ++i) {
        WYE_ASSERT_OK(b->publish({.subject = "back", .bytes = bytes_of("here again")}, 5s));
        heard = in->next(50ms).has_value();
    }
    EXPECT_TRUE(heard);
}

TEST(NatsConnection, flush_says_when_what_was_published_may_be_lost) {
    WYE_NEEDS_NATS();
    auto server = or_throw(NatsServer::start({}));
    auto e = or_throw(connect_to(server.uri("x")));
    WYE_ASSERT_OK(e->publish({.subject = "x"}, 1s));
    WYE_ASSERT_OK(e->flush(1s));
    WYE_ASSERT_OK(server.pause());
    WYE_ASSERT_OK(e->publish({.subject = "x"}, 1s));
    WYE_EXPECT_ERRC(Errc::timed_out, e->flush(100ms));
    WYE_ASSERT_OK(e->publish({.subject = "x"}, 1s));
    WYE_ASSERT_OK(server.kill());
    WYE_ASSERT_OK(server.restart());
    WYE_EXPECT_ERRC(Errc::unknown, e->flush(5s));
    WYE_ASSERT_OK(e->publish({.subject = "x"}, 5s));
    WYE_ASSERT_OK(e->flush(5s));
}

TEST(NatsConnection, headers_that_would_end_their_line_are_refused) {
    WYE_NEEDS_NATS();
    auto e = or_throw(connect_to(nats_server().uri("x")));
    for (const auto& h : {engine::Header{"A", "x\r\nB: y"}, engine::Header{"A B", "x"}, engine::Header{"", "x"},
                          engine::Header{"A:", "x"}, engine::Header{"A", std::string_view("x\0", 2)}})
        WYE_EXPECT_ERRC(Errc::bad_address, e->publish({.subject = "x", .headers = {&h, 1}}, 1s));
}
