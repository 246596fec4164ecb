#include "pattern/nats_headers.hpp"

#include <gtest/gtest.h>

using namespace wye;
using namespace wye::carrier::nats;

TEST(NatsHeaders, what_we_write_is_what_we_read) {
    const Number n{0xfedcba9876543210, 18446744073709551615u, 7};
    EXPECT_EQ(n.text(), "fedcba9876543210 18446744073709551615 7");
    const auto back = Number::parse(n.text());
    ASSERT_TRUE(back);
    EXPECT_EQ(back->publisher, n.publisher);
    EXPECT_EQ(back->n, n.n);
    EXPECT_EQ(back->of_topic, n.of_topic);
    for (const auto& p : {Part{3, false}, Part{0, true}}) {
        const auto again = Part::parse(p.text());
        ASSERT_TRUE(again);
        EXPECT_EQ(again->n, p.n);
        EXPECT_EQ(again->last, p.last);
    }
    EXPECT_EQ(Left::parse(Left{std::chrono::milliseconds(1500)}.text())->left, std::chrono::milliseconds(1500));
    EXPECT_EQ(Left::parse("never")->left, std::nullopt);
    for (auto k = 1u; k <= static_cast<unsigned>(Errc::failed); ++k)
        EXPECT_EQ(parse_error_kind(name(static_cast<Errc>(k))), static_cast<Errc>(k));
}

TEST(NatsHeaders, what_others_write_is_nothing) {
    for (const auto* text : {"", "1", "1 1", "1 1 1 ", " 1 1 1", "1 1 0", "1 0 1", "1 1 2", "x 1 1", "1 -1 1",
                             "1 1 1 1", "11111111111111111 1 1", "1 18446744073709551616 1"})
        EXPECT_FALSE(Number::parse(text)) << text;
    for (const auto* text : {"", "1", "1 ", "1 end", "x last", "-1 last", "1  last", "1 last "})
        EXPECT_FALSE(Part::parse(text)) << text;
    for (const auto* text : {"", "soon", "-1", "1ms", "99999999999999999999", "3200000000001"})
        EXPECT_FALSE(Left::parse(text)) << text;
    for (const auto* text : {"", "none", "Timed_out", "timed_out "}) EXPECT_FALSE(parse_error_kind(text)) << text;
}

TEST(NatsHeaders, gaps_are_counted_by_publisher_and_topic) {
    Gaps g;
    EXPECT_EQ(g.seen("a", {1, 5, 3}), 0u);  // where it begins
    EXPECT_EQ(g.seen("a", {1, 6, 4}), 0u);
    EXPECT_EQ(g.seen("a", {1, 9, 7}), 2u);
    EXPECT_EQ(g.seen("a", {1, 9, 7}), 0u);  // again
    EXPECT_EQ(g.seen("a", {1, 8, 6}), 0u);  // late
    EXPECT_EQ(g.seen("b", {1, 10, 2}), 0u);
    EXPECT_EQ(g.seen("a", {2, 1, 1}), 0u);
    EXPECT_EQ(g.seen("a", {1, 12, 8}), 0u);
}

TEST(NatsHeaders, each_place_is_new_once_in_whatever_order) {
    Places p;
    EXPECT_EQ(p.add(5), 0);
    EXPECT_EQ(p.add(5), std::nullopt);
    EXPECT_EQ(p.add(3), 0);  // before we began
    EXPECT_EQ(p.add(3), std::nullopt);
    EXPECT_EQ(p.add(10), 4);
    EXPECT_EQ(p.add(8), -1);
    EXPECT_EQ(p.add(8), std::nullopt);
    EXPECT_EQ(p.add(6), -1);
    EXPECT_EQ(p.add(7), -1);
    EXPECT_EQ(p.add(9), -1);
    for (std::uint64_t i = 1; i <= 10; ++i) {
        const auto again = p.add(i);
        EXPECT_EQ(again.has_value(), i == 1 || i == 2 || i == 4) << i;
    }
    Places q;
    q.begin_behind(10);
    EXPECT_EQ(q.add(13), 2);
    EXPECT_EQ(q.add(9), std::nullopt);
}
