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
