// Peers as threads on one mapping: two handles of a process are two mappings, and ThreadSanitizer would see no race.
#include "transport/shm_ring/shm_ring_test.hpp"

#include <atomic>
#include <cstring>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;
using ring::Look;

// So many that a sanitizer's run takes seconds; some of a lane's sizes lie in one granule, some in many.
constexpr std::uint64_t messages = 20'000;
std::size_t size_of(std::uint64_t i) { return i % 11 < 8 ? i % 49 : i * 7 % 400; }

std::string text_of_message(const ring::Message& m) {
    std::string s(m.length, '\0');
    ring::copy_shared(reinterpret_cast<std::byte*>(s.data()), m.data, m.length);
    return s;
}

void write_all(LocalRing& l, std::atomic<bool>& over) {
    auto gate = l.gate();
    ring::LaneWriter w(l.lane());
    for (std::uint64_t i = 0; i < messages; ++i)
        while (!put(w, payload(i, size_of(i)), gate)) std::this_thread::yield();
    over = true;
}

TEST(RingThreads, a_reader_that_is_waited_for_gets_everything) {
    LocalRing l(64, ~0ull - 5000);
    auto& c = l.places[0];
    c.head.store(~0ull - 5000);
    c.policy.store(static_cast<std::uint32_t>(Policy::block));
    std::atomic<bool> over = false;
    std::thread writer([&] { write_all(l, over); });
    ring::LaneReader r(l.lane(), {~0ull - 5000, 0});
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < messages;) {
        ring::Message m;
        if (r.next(m) != Look::message) {
            std::this_thread::yield();
            continue;
        }
        wrong += text_of_message(m) != payload(i, size_of(i));
        r.pass(m), ++i;
        c.head.store(r.at().position, ring::order::give_back);
    }
    writer.join();
    EXPECT_EQ(wrong, 0u);
}

TEST(RingThreads, readers_that_are_not_waited_for_see_whole_messages_and_the_exact_loss) {
    LocalRing l(64, (1ull << 32) - 5000, 3);
    std::atomic<bool> over = false;
    std::atomic<int> joined = 0;
    std::atomic<std::uint64_t> wrong = 0, got_any = 0;
    const auto read = [&](std::size_t i) {
        ring::LaneReader r;
        // One joins again and again while the writer runs; one is waited for, so that the others have a chance.
        const auto policy = i == 0 ? Policy::block : Policy::drop;
        if (!ring::join(l.lane(), l.cursors(), l.places[i], policy, 0, r)) std::abort();
        ++joined;
        for (std::uint64_t turns = 0;; ++turns) {
            const bool last = over;
            ring::Message m;
            const auto look = r.next(m);
            if (!r.intact(r.at().position)) {
                wrong += i == 0;
                (void)r.resume();
                continue;
            }
            if (look != Look::message) {
                if (last) break;
                std::this_thread::yield();
                continue;
            }
            const auto s = text_of_message(m);
            if (!r.intact(m.position)) continue;
            wrong += s != payload(r.at().number, size_of(r.at().number));
            r.pass(m), ++got_any;
            if (i == 0) l.places[i].head.store(r.at().position, ring::order::give_back);
            if (i == 2 && turns % 50 == 0) {
                ring::vacate(l.cursors(), l.places[i]);
                if (!ring::join(l.lane(), l.cursors(), l.places[i], Policy::drop, turns % 7, r)) break;
            }
        }
        ring::vacate(l.cursors(), l.places[i]);
    };
    std::vector<std::thread> readers;
    for (std::size_t i = 0; i < 3; ++i) readers.emplace_back(read, i);
    while (joined < 3) std::this_thread::yield();
    write_all(l, over);
    for (auto& r : readers) r.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_GE(got_any, messages);
}

TEST(RingThreads, every_job_is_done_once_though_some_are_given_back) {
    constexpr std::size_t producers = 2, workers = 3;
    LocalRing l(64, (1ull << 48) - 5000, 0, producers, 16);
    std::vector<std::atomic<int>> done(producers * messages);
    std::atomic<std::uint64_t> left = producers * messages;
    std::vector<std::thread> all;
    for (std::size_t p = 0; p < producers; ++p)
        all.emplace_back([&, p] {
            ring::LaneWriter w(l.lanes[p]);
            for (std::uint64_t i = 0; i < messages; ++i) {
                const auto job = p * messages + i;
                auto s = payload(job, size_of(job) % (ring::cell_bytes - 8));
                s += std::string(text_of(bytes_of(job)));
                while (!put(w, s, ring::lowest_of(w.lane()))) std::this_thread::yield();
            }
        });
    std::atomic<std::uint64_t> wrong = 0;
    for (std::size_t k = 0; k < workers; ++k)
        all.emplace_back([&, k] {
            ring::Taker taker(l.queue(), static_cast<std::uint32_t>(k + 1) << 16, 0);
            for (ring::Job job; left > 0;) {
                const auto took = taker.take(job);
                wrong += took == ring::Taker::Took::corrupt || took == ring::Taker::Took::no_place;
                if (took != ring::Taker::Took::job) {
                    std::this_thread::yield();
                    continue;
                }
                const std::string s(reinterpret_cast<const char*>(job.data), job.length);
                std::uint64_t id = 0;
                std::memcpy(&id, s.data() + s.size() - 8, 8);
                const auto text = s.substr(0, s.size() - 8);
                wrong += id >= done.size() || text != payload(id, size_of(id) % (ring::cell_bytes - 8));
                if (id % 17 == 0 && job.deliveries == 1) {
                    taker.give_back(job);
                    continue;
                }
                wrong += job.deliveries != (id % 17 == 0 ? 2u : 1u) || done[id].fetch_add(1) != 0;
                taker.done(job), --left;
            }
            taker.leave();
        });
    for (auto& t : all) t.join();
    EXPECT_EQ(wrong, 0u);
    for (const auto& d : done) ASSERT_EQ(d, 1);
}

}  // namespace
