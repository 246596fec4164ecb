#include "svg.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

using namespace wye::cli;

namespace {

TEST(Svg, WordsAreKeptApartInTheirOrderAndWithinTheirRoom) {
    const std::vector<double> wanted{50, 10, 11, 12, 95, 96, 97, 300, -20};
    const auto placed = svg::apart(wanted, 0, 100, 10);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        EXPECT_GE(placed[i], 5);
        EXPECT_LE(placed[i], 95);
        for (std::size_t k = 0; k < wanted.size(); ++k)
            EXPECT_EQ(wanted[i] < wanted[k], placed[i] + 9.999 <= placed[k]) << i << " and " << k;
    }
}

TEST(Svg, AWordWithRoomStaysWhereItBelongs) {
    const auto placed = svg::apart(std::vector<double>{30, 70}, 0, 100, 10);
    EXPECT_DOUBLE_EQ(placed[0], 30);
    EXPECT_DOUBLE_EQ(placed[1], 70);
}

TEST(Svg, ANameIsCutBetweenCharacters) {
    EXPECT_EQ(svg::cut("äöü", 3), "äöü");
    EXPECT_EQ(svg::cut("äöüß", 3), "äö…");
    EXPECT_EQ(svg::cut("", 3), "");
    EXPECT_EQ(svg::cut("\xf0\x9f", 3), "\xf0\x9f");  // not whole: nothing beyond its end is read
}

TEST(Svg, TicksAreFewAndRound) {
    for (const auto& [low, high] :
         {std::pair(41.0, 250000.0), {1.0, 3.0}, {0.001, 9e9}, {5200.0, 7800.0}, {5200.0, 5201.0}}) {
        const auto ticks = svg::Scale(low, high, 0, 1, true).ticks();
        EXPECT_GE(ticks.size(), 1U) << low;
        EXPECT_LE(ticks.size(), 14U) << low;
        for (const double t : ticks) {
            EXPECT_GE(t, low);
            EXPECT_LE(t, high);
        }
    }
    EXPECT_EQ(svg::Scale(0, 9.2, 0, 1, false).ticks(), (std::vector<double>{0, 5}));
    EXPECT_EQ(svg::Scale(0, 0, 0, 1, false).ticks(), std::vector<double>{0});
    EXPECT_FALSE(svg::Scale(1.1e6, 1.9e6, 0, 1, true).binary_ticks().empty());
    for (const double t : svg::Scale(3e6, 9e11, 0, 1, true).binary_ticks())
        EXPECT_EQ(std::exp2(std::round(std::log2(t))), t);
}

TEST(Svg, AScaleEndsWhereItEnds) {
    const svg::Scale at(10, 1000, 100, 200, true);
    EXPECT_DOUBLE_EQ(at(10), 100);
    EXPECT_DOUBLE_EQ(at(100), 150);
    EXPECT_DOUBLE_EQ(at(5000), 200);
}

}  // namespace
