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
        i.waiters.push_back({.pid = r, .tid = r, .comm = {}, .what = "read", .last = {}});
    }
    for (const auto w : writers) i.holders.push_back(holder(w, false, true));
    return i;
}
Item lock(std::initializer_list<std::int32_t> waiters, std::initializer_list<std::int32_t> holders) {
    Item i;
    i.kind = "lock";
    for (const auto h : holders) i.holders.push_back(holder(h, true, true, "lock"));
    for (const auto w : waiters) i.waiters.push_back({.pid = w, .tid = w, .comm = {}, .what = "flock", .last = {}});
    return i;
}

using Rings = std::vector<std::vector<std::int32_t>>;
Rings rings_of(const Inventory& all, bool sure) {
    const auto waits = waits_in(all);
    Rings pids;
    for (const auto& ring : rings_in(waits)) {
        if (ring.sure != sure) continue;
        auto& these = pids.emplace_back();
        for (const auto i : ring.waits) these.push_back(waits[i].who.pid);
    }
    return pids;
}
Rings rings(std::vector<Item> items, bool sure = true) {
    Inventory all;
    all.items = std::move(items);
    return rings_of(all, sure);
}
Rings likely(std::vector<Item> items) { return rings(std::move(items), false); }
// A set of semaphores at which `waiter` sleeps, and that `last` has changed last.
Item set(std::int32_t waiter, std::int32_t last) {
    Item i;
    i.kind = "sysv-sem";
    i.waiters.push_back({.pid = waiter, .tid = waiter, .comm = {}, .what = "semop", .part = 0, .last = {}});
    if (last != 0) i.waiters[0].last = holder(last, false, false, "last");
    return i;
}
// A semaphore that these have mapped.
Item semaphore(std::int32_t waiter, std::initializer_list<std::int32_t> mapped) {
    Item i;
    i.kind = "posix-sem";
    for (const auto m : mapped) i.holders.push_back(holder(m, true, true, "map"));
    i.waiters.push_back({.pid = waiter, .tid = waiter, .comm = {}, .what = "sem_wait", .last = {}});
    return i;
}

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
    EXPECT_EQ(rings_in(waits).size(), 1u);
}

TEST(Waits, what_anybody_may_open_by_its_name_holds_nobody_for_ever) {
    auto queue = pipe({1}, {2});
    queue.kind = "posix-mq";
    EXPECT_EQ(rings({queue, lock({2}, {1})}), Rings{});
    EXPECT_EQ(likely({queue, lock({2}, {1})}), (Rings{{1, 2}}));
    auto hidden = pipe({1}, {2});
    hidden.hidden_holders = 1;
    EXPECT_EQ(rings({hidden, lock({2}, {1})}), Rings{});
}

TEST(Waits, who_changed_a_semaphore_last_makes_a_ring_likely_and_never_sure) {
    EXPECT_EQ(likely({set(1, 2), set(2, 1)}), (Rings{{1, 2}}));
    EXPECT_EQ(rings({set(1, 2), set(2, 1)}), Rings{});
    EXPECT_EQ(likely({set(1, 2), lock({2}, {1})}), (Rings{{1, 2}})) << "one likely step makes the whole likely";
    EXPECT_EQ(likely({set(1, 0), set(2, 1)}), Rings{}) << "whoever was last at it is not known, or gone";
    EXPECT_EQ(likely({set(1, 2)}), Rings{}) << "2 goes on";
}

TEST(Waits, any_who_has_a_semaphore_mapped_may_post_it) {
    EXPECT_EQ(likely({semaphore(1, {1, 2}), semaphore(2, {1, 2})}), (Rings{{1, 2}}));
    EXPECT_EQ(likely({semaphore(1, {1, 2, 3}), semaphore(2, {1, 2})}), Rings{}) << "3 goes on";
    EXPECT_EQ(likely({semaphore(1, {1})}), Rings{}) << "nobody is known who could";
}

TEST(Waits, who_has_a_deadline_is_not_stuck) {
    auto timed = semaphore(2, {1, 2});
    timed.waiters[0].timed = true;
    EXPECT_EQ(likely({semaphore(1, {1, 2}), timed}), Rings{});
}

TEST(Waits, a_process_with_a_thread_that_goes_on_is_stuck_only_likely) {
    auto first = lock({1}, {2});
    first.waiters[0].threads = 2;
    EXPECT_EQ(rings({first, lock({2}, {1})}), Rings{});
    EXPECT_EQ(likely({first, lock({2}, {1})}), (Rings{{1, 2}}));
    auto second = first;
    second.waiters[0].tid = 7;
    EXPECT_EQ(rings({first, second, lock({2}, {1})}), (Rings{{1, 2}})) << "both its threads are stuck";
}

TEST(Waits, a_pipe_is_sure_only_where_every_process_is_seen) {
    Inventory all;
    all.items = {pipe({1}, {2}), pipe({2}, {1})};
    EXPECT_EQ(rings_of(all, true), (Rings{{1, 2}}));
    all.coverage.unreadable.push_back({.pid = 9, .comm = {}});
    EXPECT_EQ(rings_of(all, true), Rings{});
    EXPECT_EQ(rings_of(all, false), (Rings{{1, 2}}));
    all.coverage.unreadable.clear();
    all.items[0].facts.emplace_back("descriptors_in_flight", std::uint64_t{1});
    EXPECT_EQ(rings_of(all, true), Rings{}) << "its end may lie in a socket";
}

TEST(Waits, who_alone_has_both_ends_waits_for_himself) { EXPECT_EQ(rings({pipe({1}, {1})}), (Rings{{1}})); }

}  // namespace
