#include "measure/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

using wye::measure::Histogram;

namespace {

double exact(std::vector<std::uint64_t> v, double part) {
    std::ranges::sort(v);
    const auto n = static_cast<std::size_t>(std::ceil(part * static_cast<double>(v.size())));
    return static_cast<double>(v[std::clamp<std::size_t>(n, 1, v.size()) - 1]);
}

}  // namespace

TEST(Histogram, each_value_is_found_again_within_a_hundredth) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t v = random() >> (random() % 64);
        const auto place = Histogram::place_of(v);
        ASSERT_LT(place, Histogram::places) << v;
        const auto there = Histogram::value_of(place);
        ASSERT_NEAR(there, static_cast<double>(v), .008 * static_cast<double>(v) + .5) << v;
    }
    EXPECT_EQ(Histogram::place_of(~0ull), Histogram::places - 1);
    for (std::uint64_t v = 1; v < 100'000; ++v) ASSERT_LE(Histogram::place_of(v - 1), Histogram::place_of(v));
}

TEST(Histogram, percentiles_are_those_of_the_sorted_values) {
    std::mt19937_64 random(1);
    std::lognormal_distribution<double> times(8, 1);
    std::vector<std::uint64_t> all;
    Histogram h, first, second;
    for (int i = 0; i < 50'000; ++i) {
        all.push_back(static_cast<std::uint64_t>(times(random)));
        h.add(all.back());
        (i % 3 ? first : second).add(all.back());
    }
    for (const double part : {0., .01, .5, .9, .99, .999, .9999, 1.}) {
        const auto right = exact(all, part);
        EXPECT_NEAR(h.at(part), right, .008 * right + .5) << part;
    }
    EXPECT_EQ(h.largest(), *std::ranges::max_element(all));
    EXPECT_NEAR(h.middle(), exact(all, .5), .03 * exact(all, .5));
    first.add(second);
    EXPECT_EQ(first.total(), h.total());
    EXPECT_EQ(first.at(.99), h.at(.99));
}

TEST(Histogram, comes_through_a_file_as_it_was_and_nothing_else_does) {
    Histogram h, again;
    for (const std::uint64_t v : {0ull, 5ull, 5ull, 1'000'000ull}) h.add(v);
    ASSERT_TRUE(again.add(h.sparse(), h.largest()));
    EXPECT_EQ(again.total(), 4u);
    EXPECT_EQ(again.largest(), 1'000'000u);
    EXPECT_EQ(again.at(.5), 5);
    EXPECT_FALSE(again.add({{Histogram::places, 1}}, 0));
    EXPECT_EQ(again.total(), 4u);
}

TEST(Histogram, of_nothing_is_nothing) {
    const Histogram h;
    EXPECT_EQ(h.at(.5), 0);
    EXPECT_EQ(h.middle(), 0);
    EXPECT_EQ(h.mean(), 0);
}
