#include "wye/base/deadline.hpp"

#include <gtest/gtest.h>

using namespace wye;
using namespace std::chrono_literals;

TEST(Deadline, now_and_never_are_themselves) {
    EXPECT_TRUE(Deadline::now().is_now() && Deadline::now().passed());
    EXPECT_EQ(Deadline::now().left(), 0ns);
    EXPECT_TRUE(Deadline::never().is_never() && !Deadline::never().passed());
}

TEST(Deadline, a_duration_is_a_deadline) {
    const Deadline d = 50ms;
    EXPECT_FALSE(d.passed() || d.is_now() || d.is_never());
    EXPECT_GT(d.left(), 30ms);
    EXPECT_LE(d.left(), 50ms);
    EXPECT_FALSE(Deadline(1.5h).passed());
}

TEST(Deadline, nothing_or_less_is_now_and_more_than_a_century_is_never) {
    EXPECT_TRUE(Deadline(0ms).is_now());
    EXPECT_TRUE(Deadline(-5s).is_now());
    EXPECT_TRUE(Deadline(std::chrono::hours::max()).is_never());
    EXPECT_TRUE(Deadline(std::chrono::nanoseconds::max()).is_never());
    EXPECT_TRUE(Deadline(std::chrono::nanoseconds::min()).is_now());
}

TEST(Deadline, what_is_left_is_never_negative) {
    EXPECT_EQ(Deadline::at(Deadline::Clock::now() - 1s).left(), 0ns);
    EXPECT_EQ(Deadline::at(Deadline::Clock::time_point::min() + 1ns).left(), 0ns);  // long before the clock began
    EXPECT_TRUE(Deadline::at(Deadline::Clock::now() - 1s).passed());
}

TEST(Deadline, sooner_is_the_earlier_of_two) {
    EXPECT_TRUE(Deadline::never().sooner(Deadline::now()).is_now());
    EXPECT_TRUE(Deadline::never().sooner(Deadline::never()).is_never());
    EXPECT_LE(Deadline(1h).sooner(1s).left(), 1s);
}
