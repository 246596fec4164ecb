// The checker itself: what it must see in histories that are wrong.
#include "history/history.hpp"

#include <gtest/gtest.h>

namespace wye::test {
namespace {

constexpr auto sent = Event::Kind::sent, seen = Event::Kind::seen, done = Event::Kind::done;
constexpr std::uint64_t a = std::uint64_t{1} << 32, b = std::uint64_t{2} << 32;

TEST(HistoryChecker, sees_what_was_lost_doubled_reordered_and_made_up) {
    const std::vector<Event> senders{{sent, a + 1, Outcome::ok},      {sent, a + 2, Outcome::ok},
                                     {sent, a + 3, Outcome::unknown}, {sent, a + 4, Outcome::unknown},
                                     {sent, b + 1, Outcome::fail},    {sent, b + 2, Outcome::ok}};
    const auto good = judge(senders, {{{seen, a + 1}, {seen, a + 2}, {seen, b + 2}, {seen, a + 3}}});
    EXPECT_TRUE(good.lost.empty() && good.never.empty() && good.impossible.empty()) << good.text();
    EXPECT_EQ(good.duplicated + good.reordered + good.redelivered, 0u);
    EXPECT_EQ(good.stored, 1u);
    EXPECT_EQ(judge(senders, {{{seen, a + 1}, {seen, b + 2}}}).lost, std::vector<std::uint64_t>{a + 2});
    EXPECT_EQ(judge(senders, {{{seen, a + 1}}, {{seen, a + 1}}}).duplicated, 1u);
    EXPECT_EQ(judge(senders, {{{seen, a + 1}}, {{seen, a + 1, Outcome::ok, true}}}).redelivered, 1u);
    // Whichever of the two readers stands first.
    EXPECT_EQ(judge(senders, {{{seen, a + 1, Outcome::ok, true}}, {{seen, a + 1}}}).duplicated, 0u);
    EXPECT_EQ(judge(senders, {{{seen, a + 2}, {seen, a + 1}}}).reordered, 1u);
    EXPECT_EQ(judge(senders, {{{seen, a + 2}}, {{seen, a + 1}}}).reordered, 0u);  // two readers
    EXPECT_EQ(judge(senders, {{{seen, a + 9}}}).never.size(), 1u);
    EXPECT_EQ(judge(senders, {{{seen, b + 1}}}).impossible.size(), 1u);
}

TEST(HistoryChecker, says_of_what_came_twice_which_it_is) {
    const auto came = [](std::uint64_t value, std::uint64_t place, std::uint64_t time, bool again = false) {
        return Event{seen, value, Outcome::ok, again, place, time};
    };
    const auto noted = [](std::uint64_t value, Outcome o, std::uint64_t time) {
        return Event{done, value, o, false, 7, time};
    };
    const auto one = [](const std::vector<std::vector<Event>>& readers) {
        const auto j = judge({}, readers);
        EXPECT_EQ(j.twice.size(), 1u);
        EXPECT_EQ(j.duplicated, 1u);
        return j.twice.empty() ? Twice() : j.twice.front();
    };
    // By the clock, whichever reader stands first.
    auto t = one({{came(a, 8, 3'000'000'000)}, {came(a, 7, 1'000'000'000)}});
    EXPECT_TRUE(t.kept_twice() && t.first_place == 7 && t.place == 8);
    EXPECT_DOUBLE_EQ(t.seconds_later, 2);
    EXPECT_FALSE(one({{came(a, 7, 1)}, {came(a, 7, 2)}}).kept_twice());
    // What was not noted as done before it came again was not noted.
    EXPECT_TRUE(one({{came(a, 7, 1), noted(a, Outcome::ok, 2)}, {came(a, 7, 3)}}).was_done);
    EXPECT_FALSE(one({{came(a, 7, 1), noted(a, Outcome::ok, 4)}, {came(a, 7, 3)}}).was_done);
    EXPECT_FALSE(one({{came(a, 7, 1), noted(a, Outcome::unknown, 2)}, {came(a, 7, 3)}}).was_done);
    EXPECT_TRUE(judge({}, {{came(a, 7, 1)}, {came(a, 7, 2, true)}, {came(b, 9, 3)}}).twice.empty());
}

TEST(HistoryChecker, sees_replicas_that_diverged) {
    using Places = std::vector<std::uint64_t>;
    const Replica all{{1, a + 1}, {2, b + 1}, {3, a + 2}};
    EXPECT_EQ(diverged({}), Places{});
    EXPECT_EQ(diverged({all, all, all}), Places{});
    // What one of three lacks at its end, in the middle, at the beginning; or has, and the others have not.
    EXPECT_EQ(diverged({all, all, {{1, a + 1}, {2, b + 1}}}), Places{3});
    EXPECT_EQ(diverged({all, {{1, a + 1}, {3, a + 2}}, all}), Places{2});
    EXPECT_EQ(diverged({{{2, b + 1}, {3, a + 2}}, all, all}), Places{1});
    EXPECT_EQ(diverged({{}, {{7, a + 1}}, {}}), Places{7});
    // The same values, in another order.
    EXPECT_EQ(diverged({all, {{1, b + 1}, {2, a + 1}, {3, a + 2}}}), (Places{1, 2}));
    EXPECT_EQ(diverged({all, {}}), (Places{1, 2, 3}));
    EXPECT_EQ(undecided({all, all, {{1, a + 1}, {2, b + 2}}}), Places{});
    EXPECT_EQ(undecided({all, {{1, a + 1}, {2, b + 1}}, {{1, a + 1}, {2, b + 1}, {3, a + 3}}}), Places{3});
}

TEST(HistoryChecker, sees_what_a_replica_lost) {
    const std::vector<Event> senders{{sent, a + 1, Outcome::ok}, {sent, a + 2, Outcome::ok}};
    EXPECT_TRUE(judge(senders, {as_read({{1, a + 1}, {2, a + 2}})}).lost.empty());
    EXPECT_EQ(judge(senders, {as_read({{2, a + 2}})}).lost, std::vector<std::uint64_t>{a + 1});
    EXPECT_EQ(judge(senders, {as_read({{1, a + 1}, {2, a + 1}, {3, a + 2}})}).duplicated, 1u);
    EXPECT_EQ(judge(senders, {as_read({{1, a + 2}, {2, a + 1}})}).reordered, 1u);
}

}  // namespace
}  // namespace wye::test
