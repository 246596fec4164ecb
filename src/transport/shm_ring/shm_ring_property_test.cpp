// Any order of sending, reading, joining, leaving and going on, against a list of what was sent.
#ifdef WYE_RAPIDCHECK
#include "transport/shm_ring/shm_ring_test.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>

namespace {

using namespace wye;
using namespace wye::test;
using ring::Look;

std::uint64_t any_start() {
    const auto near = *rc::gen::element(0ull, 1ull << 32, 1ull << 48, 1ull << 63, ~0ull);
    return near - *rc::gen::inRange<std::uint64_t>(0, 300);
}
using Steps = std::vector<std::uint16_t>;

struct Reader {
    std::optional<ring::LaneReader> end;
    std::uint64_t next = 0;  // the number of the message that it must see
    bool waited_for = true;
};

std::string text_of_message(const ring::Message& m) {
    std::string s(m.length, '\0');
    ring::copy_shared(reinterpret_cast<std::byte*>(s.data()), m.data, m.length);
    return s;
}

TEST(ShmRingProperty, readers_of_a_lane_see_what_was_sent_or_know_how_much_they_lost) {
    EXPECT_TRUE(rc::check([] {
        const auto steps = *rc::gen::scale(8, rc::gen::arbitrary<Steps>());
        const auto start = any_start();
        LocalRing l(*rc::gen::element<std::uint64_t>(32, 64), start, 4);
        auto gate = l.gate();
        ring::LaneWriter w(l.lane());
        std::vector<std::string> sent;
        Reader readers[4];
        for (const auto step : steps) {
            const auto arg = static_cast<std::size_t>(step >> 4);
            const auto i = arg % 4;
            auto& r = readers[i];
            auto& c = l.places[i];
            if (step % 16 < 8) {
                const auto s = payload(sent.size(), arg * 7 % (w.longest() + 1));
                if (put(w, s, gate)) sent.push_back(s);
            } else if (step % 16 == 8) {
                if (r.end) ring::vacate(l.cursors(), c), r.end.reset();
            } else if (step % 16 == 9) {
                const std::uint64_t history = arg / 4 % 3 == 0 ? arg / 12 % 40 : 0;
                if (r.end) continue;
                r.waited_for = arg / 4 % 2 == 0;
                r.end.emplace();
                RC_ASSERT(
                    ring::join(l.lane(), l.cursors(), c, r.waited_for ? Policy::block : Policy::drop, history, *r.end));
                r.next = r.end->at().number;
                RC_ASSERT(r.next <= sent.size() && sent.size() - r.next <= history);
                if (history > 0 && sent.size() > 0) RC_ASSERT(r.next < sent.size());
            } else if (step % 16 == 10) {
                w = ring::LaneWriter(l.lane());
                RC_ASSERT(w.tail().number == sent.size());
            } else if (r.end) {
                if (!r.end->intact(r.end->at().position)) {
                    RC_ASSERT(!r.waited_for);
                    r.next += r.end->resume();
                    RC_ASSERT(r.end->intact(r.end->at().position));
                }
                ring::Message m;
                const auto look = r.end->next(m);
                RC_ASSERT(look == (r.next < sent.size() ? Look::message : Look::nothing));
                if (look == Look::nothing) continue;
                RC_ASSERT(text_of_message(m) == sent[r.next]);
                r.end->pass(m);
                RC_ASSERT(r.end->at().number == ++r.next);
                if (arg % 3 != 0) c.head.store(r.end->at().position);
            }
        }
    }));
}

TEST(ShmRingProperty, a_job_goes_to_one_worker_at_a_time_in_order_and_never_gets_lost) {
    EXPECT_TRUE(rc::check([] {
        const auto steps = *rc::gen::scale(8, rc::gen::arbitrary<Steps>());
        const auto start = any_start();
        constexpr std::uint32_t lanes = 2, workers = 3, most = 3;
        LocalRing l(32, start, 0, lanes, 32);  // enough for what each worker keeps, and all jobs in hand
        std::vector<ring::LaneWriter> producers;
        for (const auto& lane : l.lanes) producers.emplace_back(lane);
        std::map<std::string, unsigned> out;  // how often each job was delivered and not done
        std::uint64_t next[lanes] = {}, begun[lanes] = {}, made = 0, ended = 0, poisoned = 0;
        struct Worker {
            ring::Taker taker;
            std::vector<std::pair<ring::Job, std::string>> jobs;
        } team[workers];
        std::uint32_t marks = 0;
        const auto hire = [&](std::uint32_t i) {
            team[i].taker = ring::Taker(l.queue(most), ++marks << 16 | i, i % lanes);
            team[i].jobs.clear();
        };
        for (std::uint32_t i = 0; i < workers; ++i) hire(i);
        std::uint32_t mark_of[workers] = {1u << 16, 2u << 16 | 1, 3u << 16 | 2};
        const auto take = [&](Worker& k) {
            ring::Job job;
            const auto took = k.taker.take(job);
            RC_ASSERT(took != ring::Taker::Took::corrupt);
            if (took != ring::Taker::Took::job) return took;
            const std::string s(reinterpret_cast<const char*>(job.data), job.length);
            RC_ASSERT(++out[s] == job.deliveries);
            const auto lane = static_cast<std::size_t>(s[0] - '0');
            if (job.deliveries == 1)  // for the first time: in order
                RC_ASSERT(s.substr(2, s.find(' ') - 2) == std::to_string(begun[lane]++));
            RC_ASSERT(job.deliveries <= most);
            k.jobs.emplace_back(job, s);
            return took;
        };
        for (const auto step : steps) {
            const auto arg = static_cast<std::uint32_t>(step >> 3);
            auto& k = team[arg % workers];
            if (step % 8 < 3) {
                auto& p = producers[arg % lanes];
                auto s = std::to_string(arg % lanes) + ":" + std::to_string(next[arg % lanes]) + " ";
                s += std::string(arg % (ring::cell_bytes - s.size()), '.');
                if (put(p, s, ring::lowest_of(p.lane()))) ++next[arg % lanes], ++made;
            } else if (step % 8 < 5) {
                take(k);
            } else if (k.jobs.empty()) {
                continue;
            } else if (step % 8 == 7 && arg % 5 == 0) {  // it died, and is buried
                ring::repair_queue(l.queue(most), mark_of[arg % workers]);
                for (const auto& [job, s] : k.jobs) poisoned += out[s] >= most;
                mark_of[arg % workers] = (marks + 1) << 16 | (arg % workers);
                hire(arg % workers);
            } else {
                const auto [job, s] = k.jobs[arg % k.jobs.size()];
                k.jobs.erase(k.jobs.begin() + arg % k.jobs.size());
                RC_ASSERT(s == std::string(reinterpret_cast<const char*>(job.data), job.length));
                if (step % 8 == 5) {
                    k.taker.done(job), ++ended, out.erase(s);
                } else {
                    k.taker.give_back(job), poisoned += out[s] >= most;
                }
            }
        }
        for (auto& k : team)
            while (!k.jobs.empty())
                k.taker.done(k.jobs.back().first), out.erase(k.jobs.back().second), ++ended, k.jobs.pop_back();
        ring::Job job;
        std::uint64_t set_aside = 0;
        while (team[0].taker.take_poisoned(job)) team[0].taker.done(job), ++set_aside;
        RC_ASSERT(set_aside == poisoned);
        while (take(team[0]) == ring::Taker::Took::job) team[0].taker.done(team[0].jobs.back().first), ++ended;
        RC_ASSERT(ended + poisoned == made);
        for (auto& k : team) k.taker.leave();
        for (const auto& c : l.cells) RC_ASSERT(ring::CellWord::of(c.word.load()).state == ring::Cell::free);
    }));
}

}  // namespace
#endif
