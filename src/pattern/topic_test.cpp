#include "wye/pattern/topic.hpp"

#include <gtest/gtest.h>

namespace wye {
namespace {

TEST(Topic, Matches) {
    struct {
        const char *filter, *topic;
        bool expected;
    } const all[] = {
        {"a", "a", true},          {"a", "b", false},       {"a.b", "a.b", true},    {"a.b", "a", false},
        {"a", "a.b", false},       {"*", "a", true},        {"*", "a.b", false},     {"a.*", "a.b", true},
        {"a.*", "a", false},       {"a.*", "a.b.c", false}, {"*.b", "a.b", true},    {"a.*.c", "a.b.c", true},
        {"a.*.c", "a.b.d", false}, {">", "a", true},        {">", "a.b.c", true},    {">", "", true},
        {"a.>", "a", false},       {"a.>", "a.b", true},    {"a.>", "a.b.c", true},  {"a.>", "b.c", false},
        {"*.>", "a", false},       {"*.>", "a.b", true},    {"a.*.>", "a.b", false}, {"a.*.>", "a.b.c", true},
        {"ab", "a", false},        {"a", "ab", false},      {"*", "", false},
    };
    for (const auto& c : all) EXPECT_EQ(matches(c.filter, c.topic), c.expected) << c.filter << " on " << c.topic;
}

TEST(Topic, RefusesWhatIsNone) {
    for (const auto* good : {"", "a", "prices.fx.eur", "a-b_c/d", "\xc3\xa4"}) EXPECT_TRUE(check_topic(good)) << good;
    for (const auto* bad : {".", "a.", ".a", "a..b", "a b", "a.*", ">", "a\tb", "a\x7f"})
        EXPECT_FALSE(check_topic(bad)) << bad;
    for (const auto* good : {">", "*", "a.*.b", "a.>", "*.*"}) EXPECT_TRUE(check_filter(good)) << good;
    for (const auto* bad : {"", ".", "a.>.b", "a*", "a.b>", "**"}) EXPECT_FALSE(check_filter(bad)) << bad;
    EXPECT_FALSE(check_topic(std::string(256, 'x')));
    const auto wrong = check_filter("a.>.b");
    EXPECT_NE(wrong.error().message().find("comes last"), std::string::npos) << wrong.error().message();
}

}  // namespace
}  // namespace wye
