#include "wye/core/channel.hpp"

#include "support/support.hpp"

using namespace wye;

namespace {

// Sends only, and has nothing else.
struct Least {
    static constexpr Traits traits{.scheme = "least", .name = "least", .max_message = 9};
    std::vector<std::string>* log;
    Result<> send(Bytes b, Deadline) { return log->emplace_back(text_of(b)), Result<>(); }
};
struct Most {
    static constexpr Traits traits{.scheme = "most", .name = "most"};
    Traits own = [] {
        auto t = traits;
        return t.pollable = false, t;
    }();
    Meta sent{};
    Result<> send(Bytes, Deadline) { return {}; }
    Result<> send(Bytes, Meta m, Deadline) { return sent = m, Result<>(); }
    Result<MutBytes> recv(MutBytes b, Deadline) { return b.first(0); }
    Result<MutBytes> recv(MutBytes b, Meta& m, Deadline) { return m = sent, b.first(0); }
    Result<> close_write() { return fail(Errc::busy, "close_write"); }
    Result<> wait_peer(Deadline) { return fail(Errc::timed_out); }
    std::size_t max_message() const { return 77; }
    int native_handle() const { return 5; }
    const Traits& own_traits() const { return own; }
};

}  // namespace

TEST(Channel, what_the_endpoint_has_not_is_unsupported) {
    std::vector<std::string> log;
    Channel c(Least{&log});
    std::byte room[1];
    Meta meta;
    WYE_ASSERT_OK(c.send(bytes_of("x")));
    WYE_ASSERT_OK(c.send(bytes_of("y"), Meta{}));
    EXPECT_EQ(log, (std::vector<std::string>{"x", "y"}));
    WYE_EXPECT_ERRC(Errc::unsupported, c.send(bytes_of("z"), Meta{.priority = 1}));
    WYE_EXPECT_ERRC(Errc::unsupported, c.send(bytes_of("z"), Meta{.type = 1}));
    WYE_EXPECT_ERRC(Errc::unsupported, c.recv(room));
    WYE_EXPECT_ERRC(Errc::unsupported, c.recv(room, meta));
    WYE_EXPECT_ERRC(Errc::unsupported, c.recv_view());
    WYE_EXPECT_ERRC(Errc::unsupported, c.recv_view(meta));
    WYE_EXPECT_ERRC(Errc::unsupported, c.loan(1));
    WYE_EXPECT_ERRC(Errc::unsupported, c.take());
    WYE_EXPECT_ERRC(Errc::unsupported, c.close_write());
    WYE_ASSERT_OK(c.wait_peer());
    EXPECT_EQ(c.max_message(), 9u);
    EXPECT_EQ(c.native_handle(), -1);
    EXPECT_EQ(c.raw_handles().read, -1);
    EXPECT_EQ(c.traits().scheme, "least");
    EXPECT_EQ(log.size(), 2u);
}

TEST(Channel, hands_everything_through) {
    Channel c(Most{});
    Meta meta;
    std::byte room[1];
    WYE_ASSERT_OK(c.send({}, Meta{.priority = 3, .type = 4}));
    WYE_ASSERT_OK(c.recv(room, meta));
    EXPECT_EQ(meta.priority, 3u);
    EXPECT_EQ(meta.type, 4);
    WYE_EXPECT_ERRC(Errc::busy, c.close_write());
    WYE_EXPECT_ERRC(Errc::timed_out, c.wait_peer(Deadline::now()));
    EXPECT_EQ(c.max_message(), 77u);
    EXPECT_EQ(c.native_handle(), 5);
    EXPECT_FALSE(c.traits().pollable) << "an object's own traits go before its class's";
}

namespace {

// Receives into the caller's place, and says how large that was.
struct Copies {
    static constexpr Traits traits{.scheme = "copies", .name = "copies"};
    std::size_t largest = 3;
    std::size_t* place;
    Result<MutBytes> recv(MutBytes b, Deadline) {
        *place = b.size();
        return b.first(std::min<std::size_t>(b.size(), 3));
    }
    std::size_t max_message() const { return largest; }
};
struct Views : Copies {
    static constexpr std::byte here[2]{};
    Result<Bytes> recv_view(Deadline) { return Bytes(here); }
};

}  // namespace

TEST(Channel, a_view_is_the_endpoints_own_or_lies_in_room_for_the_largest_message) {
    std::size_t place = 0;
    Channel copies(Copies{.place = &place});
    EXPECT_EQ(or_throw(copies.recv_view()).size(), 3u);
    EXPECT_EQ(place, 3u);
    Meta meta{.priority = 7};
    EXPECT_EQ(or_throw(copies.recv_view(meta)).size(), 3u);
    EXPECT_EQ(meta.priority, 0u);
    meta.type = 1;
    WYE_EXPECT_ERRC(Errc::unsupported, copies.recv_view(meta));
    Channel boundless(Copies{.largest = SIZE_MAX, .place = &place});
    WYE_ASSERT_OK(boundless.recv_view());
    EXPECT_EQ(place, std::size_t{1} << 30);
    Channel views(Views{{.place = &place}});
    EXPECT_EQ(or_throw(views.recv_view()).data(), Views::here);
    EXPECT_EQ(or_throw(views.recv_view(meta = {})).data(), Views::here);
    Channel most(Most{});
    WYE_ASSERT_OK(most.send({}, Meta{.priority = 3, .type = 4}));
    WYE_ASSERT_OK(most.recv_view(meta));
    EXPECT_EQ(meta.type, 4);
}
