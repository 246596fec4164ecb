#include "wye/transport/udp.hpp"

#include "wye/registry/open.hpp"

#include "support/support.hpp"

#include <unistd.h>

using namespace wye;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> hosts() {
    std::vector<std::string> all{"127.0.0.1"};
    if (UdpSocket::bind("::1", "0")) all.emplace_back("::1");
    return all;
}

}  // namespace

TEST(Udp, a_bound_socket_answers_whoever_wrote_last) {
    for (const auto& host : hosts()) {
        auto server = or_throw(UdpSocket::bind(host, "0"));
        const auto port = std::to_string(server.port());
        auto a = or_throw(UdpSocket::connect(host, port)), b = or_throw(UdpSocket::connect(host, port));
        std::byte room[16];
        WYE_EXPECT_ERRC(Errc::timed_out, server.send(bytes_of("to nobody"), 10ms));
        for (auto* client : {&a, &b, &a}) {
            WYE_ASSERT_OK(client->send(bytes_of("question")));
            WYE_ASSERT_OK(server.wait_peer(1s));
            EXPECT_EQ(text_of(or_throw(server.recv(room, 1s))), "question");
            WYE_ASSERT_OK(server.send(bytes_of("answer"), 1s));
            EXPECT_EQ(text_of(or_throw(client->recv(room, 1s))), "answer");
        }
        WYE_EXPECT_ERRC(Errc::timed_out, b.recv(room, Deadline::now()));
    }
}

TEST(Udp, listening_everywhere_hears_and_answers_both_families) {
    auto server = or_throw(UdpSocket::bind("", "0"));
    for (const auto& host : hosts()) {
        auto client = or_throw(UdpSocket::connect(host, std::to_string(server.port())));
        std::byte room[16];
        WYE_ASSERT_OK(client.send(bytes_of("question")));
        WYE_ASSERT_OK(server.recv(room, 1s));
        WYE_ASSERT_OK(server.send(bytes_of("answer"), 1s));
        EXPECT_EQ(text_of(or_throw(client.recv(room, 1s))), "answer");
    }
}

TEST(Udp, the_largest_passes_and_one_byte_more_is_refused_before_it_is_sent) {
    for (const auto& host : hosts()) {
        auto server = or_throw(UdpSocket::bind(host, "0"));
        auto client = or_throw(UdpSocket::connect(host, std::to_string(server.port())));
        const std::size_t most = host == "::1" ? 65527 : 65507;
        EXPECT_EQ(client.max_message(), most);
        std::vector<std::byte> m(most + 1, std::byte{5}), room(server.max_message());
        WYE_EXPECT_ERRC(Errc::too_big, client.send(m));
        WYE_ASSERT_OK(client.send(std::span(m).first(most)));
        EXPECT_EQ(or_throw(server.recv(room, 1s)).size(), most);
        WYE_EXPECT_ERRC(Errc::timed_out, server.recv(room, Deadline::now()));
    }
}

TEST(Udp, a_datagram_larger_than_the_buffer_waits_for_a_larger_one) {
    auto server = or_throw(UdpSocket::bind("127.0.0.1", "0"));
    auto client = or_throw(UdpSocket::connect("127.0.0.1", std::to_string(server.port())));
    for (const std::size_t small : {10u, 9000u}) {
        std::string big(small * 2 + 1, ' ');
        for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 3);
        WYE_ASSERT_OK(client.send(bytes_of(big)));
        WYE_ASSERT_OK(client.send(bytes_of("next")));
        std::vector<std::byte> room(small), large(big.size());
        WYE_EXPECT_ERRC(Errc::too_big, server.recv(room, 1s));
        EXPECT_TRUE(text_of(or_throw(server.recv(large, 1s))) == big);
        EXPECT_EQ(text_of(or_throw(server.recv(room, 1s))), "next");
    }
}

TEST(Udp, a_refusal_of_an_earlier_datagram_says_that_the_present_one_was_not_sent) {
    auto server = std::make_unique<UdpSocket>(or_throw(UdpSocket::bind("127.0.0.1", "0")));
    const auto port = std::to_string(server->port());
    server.reset();
    auto client = or_throw(UdpSocket::connect("127.0.0.1", port));
    WYE_ASSERT_OK(client.send(bytes_of("to nobody")));  // the refusal comes back, and waits
    server = std::make_unique<UdpSocket>(or_throw(UdpSocket::bind("127.0.0.1", port)));
    WYE_EXPECT_ERRC(Errc::not_found, client.send(bytes_of("first")));
    std::byte room[16];
    WYE_EXPECT_ERRC(Errc::timed_out, server->recv(room, 20ms));
    WYE_ASSERT_OK(client.send(bytes_of("again")));
    EXPECT_EQ(text_of(or_throw(server->recv(room, 1s))), "again");
    server.reset();
    WYE_ASSERT_OK(client.send(bytes_of("to nobody")));
    WYE_EXPECT_ERRC(Errc::not_found, client.recv(room, 1s));
}

TEST(Udp, uris_say_which_end_they_are) {
    auto server = or_throw(UdpSocket::bind("127.0.0.1", "0"));
    const auto uri = "udp://127.0.0.1:" + std::to_string(server.port());
    WYE_EXPECT_ERRC(Errc::busy, wye::open(uri + "?listen"));
    auto client = or_throw(wye::open(uri));
    WYE_ASSERT_OK(client.send(bytes_of("x")));
    WYE_ASSERT_OK(server.wait_peer(1s));
    WYE_EXPECT_ERRC(Errc::unsupported, client.close_write());
    for (const auto* bad : {"udp:", "udp://127.0.0.1:0", "udp://h:7?framing=lines"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad));
}
