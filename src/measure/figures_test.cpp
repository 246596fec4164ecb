#include "measure/figures.hpp"

#include <gtest/gtest.h>

namespace wye::advice {
namespace {

Figures some() {
    return {.file = "bench.json",
            .said = {},
            .rows = {{.means = "unix", .workload = "latency", .wait = "block", .size = 64, .parties = 8, .ns = 100},
                     {.means = "unix", .workload = "latency", .wait = "poll", .size = 64, .ns = 900},
                     {.means = "unix", .workload = "latency", .wait = "block", .size = 64, .ns = 5000},
                     {.means = "unix", .workload = "rate", .size = 64, .ns = 7},
                     {.means = "unix", .workload = "latency", .size = 64, .ns = 3, .as_fast_as_it_goes = false},
                     {.means = "unix", .workload = "latency", .wait = "block", .size = 65536, .ns = 20000}}};
}

TEST(Figures, StandBetweenTheMeasuredSizesAndSayWhenTheyDoNot) {
    const auto f = some();
    const auto exact = time_of(f, "unix", "latency", 64);
    ASSERT_TRUE(exact);
    EXPECT_EQ(exact->value, 5000);  // who sleeps, not who polls
    EXPECT_TRUE(exact->within);
    const auto between = time_of(f, "unix", "latency", 2048);  // half way in the logarithm
    ASSERT_TRUE(between);
    EXPECT_NEAR(between->value, 10000, 1);
    EXPECT_EQ(between->from, 64u);
    EXPECT_EQ(between->to, 65536u);
    const auto beyond = time_of(f, "unix", "latency", 1 << 20);
    ASSERT_TRUE(beyond);
    EXPECT_EQ(beyond->value, 20000);
    EXPECT_FALSE(beyond->within);
    EXPECT_FALSE(time_of(f, "tcp", "latency", 64));
    EXPECT_FALSE(time_of(f, "unix", "fanout", 64));
}

TEST(Figures, ACountHasNoMoreDigitsThanAMeasurement) {
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(count_text(1234567), "1,230,000");
    EXPECT_EQ(count_text(800000), "800,000");
    EXPECT_EQ(count_text(0), "0");
}

}  // namespace
}  // namespace wye::advice
