// Jobs, each to one worker; who dies anywhere loses none and holds up nobody.
#pragma once
#include "ring_model/world.hpp"

#include <array>
#include <span>
#include <vector>

namespace wye::model {

struct Queue : World {
    static constexpr std::uint32_t mark_of(unsigned thread) { return (thread + 1) << 16 | 7; }
    static constexpr unsigned most_jobs = 8;
    ring::QueueView view;
    ring::Taker takers[4];
    std::uint64_t total;
    unsigned delivered[most_jobs] = {}, finished[most_jobs] = {}, finished_all = 0;
    unsigned done_by[most_jobs] = {};  // who has begun to say so
    bool mortal = false;               // somebody may have taken one, and died before he could look at it

    Queue(std::uint64_t start, std::uint64_t jobs, std::uint32_t cells = 3) : World(8, start), total(jobs) {
        view = {&p.header, {&lane, 1}, {p.cells, cells}, 0};
        for (unsigned i = 1; i < 4; ++i) takers[i] = ring::Taker(view, mark_of(i), 0);
    }
    void produce() {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k)
            while (!put(w, k, 2, ring::lowest_of(lane))) spin();
    }
    /// Takes one and looks at it; its number, or ~0 when there is none.
    std::uint64_t take(unsigned self, ring::Job& job) {
        const auto n = take(self, {&job, 1});
        return n.empty() ? ~std::uint64_t{} : n[0];
    }
    /// Takes a run of them; their numbers.
    std::vector<std::uint64_t> take(unsigned self, std::span<ring::Job> jobs) {
        const auto before = mark();
        std::uint32_t n = 0;
        const auto took = takers[self].take(jobs, n);
        check(took != ring::Taker::Took::corrupt, "a worker found what is no job");
        if (took != ring::Taker::Took::job) return {};
        // What was copied out of the lane must have been read before the producer may write there.
        plain_since(before);
        std::vector<std::uint64_t> numbers;
        for (const auto& job : jobs.first(n)) numbers.push_back(look(job));
        return numbers;
    }
    std::uint64_t look(const ring::Job& job) {
        const Plain plain;
        const auto k = content(job.data, job.length);
        check(k < total, "a job that was never sent");
        check(finished[k] == 0, "a job was handed out after it was done");
        check(delivered[k] == 0 || job.deliveries > 1, "a job came twice, and does not say so");
        check(delivered[k] != 0 || job.deliveries == 1 || mortal, "a job came once, and says twice");
        ++delivered[k], done_by[k] = 0;
        note("has job " + std::to_string(k));
        return k;
    }
    void finish(unsigned self, const ring::Job& job, std::uint64_t k) {
        done_by[k] = self;
        takers[self].done(job);
        ++finished[k], ++finished_all;
        p.flags[0].fetch_add(1, std::memory_order_release);  // who waits looks again
    }
    void work(unsigned self) {
        while (finished_all < total) {
            ring::Job job;
            if (const auto k = take(self, job); k < total)
                finish(self, job, k);
            else
                spin();
        }
        takers[self].leave();
    }
    void work_in_runs(unsigned self) {
        std::array<ring::Job, ring::longest_run> jobs;
        while (finished_all < total) {
            const auto numbers = take(self, jobs);
            for (std::size_t i = 0; i < numbers.size(); ++i) finish(self, jobs[i], numbers[i]);
            if (numbers.empty()) spin();
        }
        takers[self].leave();
    }
    /// Works on, and repairs what a dead one had.
    void work_and_repair(unsigned self, unsigned other) {
        for (bool repaired = false; finished_all < total;) {
            if (!repaired && (ring::bug(22) || died(other))) {
                ring::repair_queue(view, mark_of(other));
                repaired = true;
                for (std::uint64_t k = 0; k < total; ++k)  // done(), but he had no time to say so
                    if (!is_anywhere(k) && done_by[k] == other && finished[k] == 0) ++finished[k], ++finished_all;
                continue;
            }
            ring::Job job;
            if (const auto k = take(self, job); k < total)
                finish(self, job, k);
            else
                spin();
        }
        takers[self].leave();
    }
    bool is_anywhere(std::uint64_t k) {
        for (auto& c : view.cells) {
            const auto state = ring::CellWord::of(c.word.load(ring::order::claim)).state;
            if (state != ring::Cell::returned && state != ring::Cell::taken) continue;
            std::uint64_t first = 0;
            std::memcpy(&first, c.data, 8);
            if (first == content_of(k)[0]) return true;
        }
        return false;
    }
    void finally() override {
        check(finished_all == total, "a job was lost");
        for (std::uint64_t k = 0; k < total; ++k) check(finished[k] == 1, "a job was done twice");
        if (died(1)) ring::repair_queue(view, mark_of(1));  // again is as good as once
        unsigned used = 0;
        for (auto& c : view.cells)
            used += ring::CellWord::of(c.word.load(ring::order::claim)).state != ring::Cell::free;
        check(used == 0, "a cell was lost");
    }
};

struct QueueTwoWorkers : Queue {
    QueueTwoWorkers() : Queue(6, 3) {}
    void thread(unsigned i) override { i == 1 ? produce() : work(i); }
};

/// More jobs than the lane has granules: places are used again.
struct QueueRound : Queue {
    QueueRound() : Queue(~std::uint64_t{} - 3, 8, 4) {}
    void thread(unsigned i) override { i == 1 ? produce() : work(i); }
};

struct QueueWorkerDies : Queue {
    QueueWorkerDies() : Queue(6, 3) {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) (void)put(w, k, 2, ring::lowest_of(lane));
    }
    void thread(unsigned i) override {
        if (i == 2) return work_and_repair(2, 1);
        may_die(mortal = true);
        work(1);
    }
};

/// A third worker takes while the second repairs.
struct QueueRepairBesideTaking : Queue {
    QueueRepairBesideTaking() : Queue(6, 3, 4) {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) (void)put(w, k, 2, ring::lowest_of(lane));
    }
    void thread(unsigned i) override {
        if (i == 2) return work_and_repair(2, 1);
        if (i == 1) may_die(mortal = true);
        work(i);
    }
};

/// Who dies takes two at once.
struct QueueRunDies : Queue {
    QueueRunDies() : Queue(6, 3, 4) {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) (void)put(w, k, 2, ring::lowest_of(lane));
    }
    void thread(unsigned i) override {
        if (i == 2) return work_and_repair(2, 1);
        may_die(mortal = true);
        work_in_runs(1);
    }
};

/// Likewise, while a third takes what lies behind the run.
struct QueueRunRepairBesideTaking : Queue {
    QueueRunRepairBesideTaking() : Queue(6, 3, 5) {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) (void)put(w, k, 2, ring::lowest_of(lane));
    }
    void thread(unsigned i) override {
        if (i == 2) return work_and_repair(2, 1);
        if (i == 3) return work(3);
        may_die(mortal = true);
        work_in_runs(1);
    }
};

/// One gives each job back the first time.
struct QueueGiveBack : Queue {
    QueueGiveBack() : Queue(6, 3, 4) {}
    void thread(unsigned i) override {
        if (i == 1) return produce();
        if (i == 3) return work(3);
        for (unsigned n = 0; n < 2 && finished_all < total;) {
            ring::Job job;
            if (take(2, job) >= total) {
                spin();
                continue;
            }
            takers[2].give_back(job);
            ++n;
        }
        work(2);
    }
};

}  // namespace wye::model
