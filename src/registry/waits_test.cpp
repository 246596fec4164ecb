#include "registry/waits.hpp"

#include <gtest/gtest.h>

namespace {

using namespace wye;

Holder holder(std::int32_t pid, bool reads, bool writes, std::string_view via = "fd") {
    return {.pid = pid, .comm = {}, .via = via, .reads = reads, .writes = writes};
}
// A pipe that `readers` sleep for, and these have to write to.
Item pipe(std::initializer_list<std::int32_t> readers, std::initializer_list<std::int32_t> writers) {
    Item i;
    i.kind = "pipe";
    for (const auto r : readers) {
        i.holders.push_back(holder(r, true, false));
        i.waiters.push_back({.pid = r, .tid = r, .comm = {}, .what = "read"});
    }
    for (const auto w : writers) i.holders.push_back(holder(w, false, true));
    return i;
}
Item lock(std::initializer_list<std::int32_t> waiters, std::initializer_list<std::int32_t> holders) {
    Item i;
    i.kind = "lock";
    for (const auto h : holders) i.holders.push_back(holder(h, true, true, "lock"));
    for (const auto w : waiters) i.waiters.push_back({.pid = w, .tid = w, .comm = {}, .what = "flock"});
    return i;
}

std::vector<std::vector<std::int32_t>> rings(std::vector<Item> items) {
    Inventory all;
    all.items = std::move(items);
    const auto waits = waits_in(all);
    std::vector<std::vector<std::int32_t>> pids;
    for (const auto& ring : cycles_in(waits)) {
        auto& these = pids.emplace_back();
        for (const auto i : ring) these.push_back(waits[i].who.pid);
    }
    return pids;
}
using Rings = std::vector<std::vector<std::int32_t>>;

TEST(Waits, two_who_wait_for_each_other_are_a_ring) {
    EXPECT_EQ(rings({pipe({1}, {2}), pipe({2}, {1})}), (Rings{{1, 2}}));
    EXPECT_EQ(rings({lock({1}, {2}), lock({2}, {1})}), (Rings{{1, 2}}));
    EXPECT_EQ(rings({lock({1}, {2}), pipe({2}, {3}), lock({3}, {1})}), (Rings{{1, 2, 3}}));
}

TEST(Waits, any_writer_frees_a_reader_and_every_holder_must_let_go_of_a_lock) {
    EXPECT_EQ(rings({pipe({1}, {2}), pipe({2}, {1, 3})}), Rings{}) << "3 may write";
    EXPECT_EQ(rings({lock({1}, {2, 3}), lock({2}, {1})}), (Rings{{1, 2}})) << "that 3 lets go does not help";
}

TEST(Waits, who_waits_for_the_stuck_is_stuck_and_in_no_ring) {
    Inventory all;
    all.items = {lock({1}, {2}), lock({2}, {1}), pipe({9}, {1})};
    const auto waits = waits_in(all);
    EXPECT_TRUE(waits[2].stuck);
    EXPECT_EQ(cycles_in(waits).size(), 1u);
}

TEST(Waits, what_anybody_may_open_by_its_name_holds_nobody_for_ever) {
    auto queue = pipe({1}, {2});
    queue.kind = "posix-mq";
    EXPECT_EQ(rings({queue, lock({2}, {1})}), Rings{});
    auto hidden = pipe({1}, {2});
    hidden.hidden_holders = 1;
    EXPECT_EQ(rings({hidden, lock({2}, {1})}), Rings{});
}

TEST(Waits, who_alone_has_both_ends_waits_for_himself) { EXPECT_EQ(rings({pipe({1}, {1})}), (Rings{{1}})); }

}  // namespace
