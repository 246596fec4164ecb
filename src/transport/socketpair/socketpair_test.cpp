#include "wye/transport/socketpair.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <thread>

using namespace wye;
using namespace std::chrono_literals;

TEST(SocketPair, both_ends_send_and_receive) {
    auto pair = or_throw(make_socketpair());
    std::byte room[64];
    WYE_ASSERT_OK(pair.first.send(bytes_of("there")));
    WYE_ASSERT_OK(pair.second.send(bytes_of("and back")));
    EXPECT_EQ(text_of(or_throw(pair.second.recv(room, 1s))), "there");
    EXPECT_EQ(text_of(or_throw(pair.first.recv(room, 1s))), "and back");
    WYE_EXPECT_ERRC(Errc::timed_out, pair.first.recv(room, Deadline::now()));
}

TEST(SocketPair, a_half_closed_end_still_receives) {
    auto pair = or_throw(make_socketpair());
    std::byte room[64];
    WYE_ASSERT_OK(pair.first.close_write());
    WYE_EXPECT_ERRC(Errc::closed, pair.first.send(bytes_of("late")));
    WYE_EXPECT_ERRC(Errc::closed, pair.second.recv(room, 1s));
    WYE_ASSERT_OK(pair.second.send(bytes_of("answer")));
    EXPECT_EQ(text_of(or_throw(pair.first.recv(room, 1s))), "answer");
}

TEST(SocketPair, a_megabyte_each_way_at_once_does_not_stand_still) {
    auto pair = or_throw(make_socketpair());
    const std::vector<std::byte> big(1 << 20, std::byte{7});
    const auto exchange = [&](SocketPairEnd& end) {
        std::thread sender([&] { EXPECT_TRUE(end.send(big, 10s).has_value()); });
        std::vector<std::byte> room(1 << 20);
        auto got = end.recv(room, 10s);
        sender.join();
        return got && got->size() == big.size() && room == big;
    };
    wye::test::Child child([&] { return exchange(pair.second); });
    EXPECT_TRUE(exchange(pair.first));
    EXPECT_TRUE(child.ok());
}

TEST(SocketPair, a_peer_that_dies_with_bytes_unread_is_told) {
    auto pair = or_throw(make_socketpair());
    WYE_ASSERT_OK(pair.first.send(bytes_of("never read")));
    { const auto gone = std::move(pair.second); }
    std::byte room[64];
    WYE_EXPECT_ERRC(Errc::peer_died, pair.first.recv(room, 1s));
    WYE_EXPECT_ERRC(Errc::closed, pair.first.send(bytes_of("x"), 1s));
}

TEST(SocketPair, without_descriptors_it_says_so) {
    const sys::Inject bent{{.call = sys::Call::socketpair, .error = EMFILE}};
    WYE_EXPECT_ERRC(Errc::exhausted, make_socketpair());
    EXPECT_EQ(bent.hits(), 1u);
}
