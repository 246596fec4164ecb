// Sleepers, and who has to wake them.
#pragma once
#include "ring_model/queue.hpp"
#include "ring_model/stream.hpp"

namespace wye::model {

/// As State::wait() does. `ready` is asked before and after the announcement.
template <class Ready>
void wait(ring::Bell& bell, Ready&& ready) {
    while (!ready()) {
        const auto seen = ring::announce(bell);
        if (!ring::bug(10) && ready()) return;
        (void)futex_wait(&bell.event, seen);
    }
}

/// A stream whose ends sleep while it is empty, or full.
struct StreamAsleep : Stream {
    ring::Ringer data = ringer(p.header.data, 100);
    explicit StreamAsleep(std::uint64_t messages = 8) : Stream(6, messages) {}
    void thread(unsigned i) override { i == 1 ? send() : receive(); }
    void send() {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) {
            if (ring::bug(11)) data();
            wait(p.header.space, [&] { return put(w, k, words_of(k), gate); });
            if (!ring::bug(11)) data();
        }
    }
    void receive() {
        ring::Message m;
        const auto ready = [&] { return reader.lane.next(m) == ring::Look::message; };
        for (std::uint64_t k = 0; k < total; ++k) {
            if (!ready()) {
                if (reader.published != reader.lane.at().position) reader.publish(reader.lane.at().position);
                wait(p.header.data, ready);
            }
            const Plain plain;
            check(content(m.data, m.length) == k, "not what was sent, or not in order");
            reader.pass(m);
        }
        reader.publish(reader.lane.at().position);
    }
};

struct WakerDies : StreamAsleep {
    WakerDies() : StreamAsleep(3) {}
    void thread(unsigned i) override {
        if (i == 1) return may_die(true), send();
        ring::Message m;
        for (std::uint64_t k = 0; k < total; ++k) {
            bool alone = false;
            wait(p.header.data, [&] {
                alone = died(1);
                return reader.lane.next(m) == ring::Look::message || alone;
            });
            if (reader.lane.next(m) != ring::Look::message) return check(alone, "told of nothing");
            reader.pass(m);
        }
    }
};

/// Each post wakes one; whoever takes the last wakes all. The same sleepers come back while a waker is under way.
struct TwoSleepers : World {
    static constexpr unsigned posts = 2;
    ring::Ringer one = ringer(p.header.data, 1), all = ringer(p.header.data, 100);
    ring::Atomic<std::uint64_t>&there = p.flags[0], &taken = p.flags[1];
    TwoSleepers() : World(8, 0) {}
    void thread(unsigned i) override {
        if (i <= 2) {
            for (unsigned n = 0; n < posts; ++n) {
                there.fetch_add(1, std::memory_order_release);
                one();
            }
            return;
        }
        for (bool over = false; !over;) {
            bool got = false;
            wait(p.header.data, [&] {
                for (auto n = there.load(std::memory_order_acquire); n > 0 && !got;)
                    got = there.compare_exchange_strong(n, n - 1, std::memory_order_acq_rel);
                return got || taken.load(std::memory_order_acquire) == 2 * posts;
            });
            if (!got) break;
            over = taken.fetch_add(1, std::memory_order_acq_rel) + 1 == 2 * posts;
            if (over) all();
        }
    }
};

/// A producer, and two workers that sleep while there is nothing.
struct WorkersAsleep : Queue {
    ring::Ringer one = ringer(p.header.data, 1), all = ringer(p.header.data, 100);
    WorkersAsleep() : Queue(6, 3) {}
    void thread(unsigned i) override {
        if (i == 1) {
            ring::LaneWriter w(lane);
            for (std::uint64_t k = 0; k < total; ++k) {
                check(put(w, k, 2, ring::lowest_of(lane)), "there is room for all of them");
                one();
            }
            return;
        }
        for (;;) {
            ring::Job job;
            auto k = ~std::uint64_t{};
            wait(p.header.data, [&] { return (k = take(i, job)) < total || flagged(1); });
            if (k >= total) break;
            finish(i, job, k);
            if (finished_all < total) continue;
            flag(1);
            all();
            break;
        }
        takers[i].leave();
    }
};

}  // namespace wye::model
