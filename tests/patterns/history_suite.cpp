// Histories: what everybody did and was told, while they are killed at random moments; and then whether what was
// promised held. A put or a publish whose caller was told that it is done is acknowledged; one whose caller was killed
// over it is unknown, and may be there or not.
#include "patterns/stage.hpp"
#include "support/together.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>

namespace wye::test {
namespace {

constexpr std::size_t sources = 3, most = 60'000;  // operations of each

enum Told : std::uint8_t { nothing, unknown, acknowledged };

// Of each source and number, shared by all processes. Relaxed everywhere: what is looked at in the end was written by
// processes that have ended.
struct Log {
    std::array<std::array<std::atomic<std::uint8_t>, most>, sources> told, firsts, seen;
    std::array<std::atomic<std::uint32_t>, sources> next;
    std::atomic<std::uint64_t> done, flagged, kills;
    std::atomic<bool> stop, out_of_order;
};

struct Verdict {
    unsigned acknowledged = 0, unknown = 0, lost = 0, doubled = 0;
};
Verdict judge(const Log& log) {
    Verdict v;
    for (std::size_t s = 0; s < sources; ++s)
        for (std::size_t n = 0; n < log.next[s]; ++n) {
            v.acknowledged += log.told[s][n] == acknowledged;
            v.unknown += log.told[s][n] == unknown;
            v.lost += log.told[s][n] == acknowledged && log.seen[s][n] == 0;
            v.doubled += log.firsts[s][n] > 1;  // given out as new more than once
        }
    return v;
}

struct Case {
    Subject subject;
    unsigned seed;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.subject.name << " seed " << c.seed; }

class History : public testing::TestWithParam<Case> {
protected:
    void SetUp() override { stage_ = GetParam().subject.make(); }

    // Ends one after the other of them, and lets another take its place.
    template <class Start>
    void kill_at_random(std::size_t count, Start start, std::chrono::milliseconds time) {
        std::mt19937 random(GetParam().seed);
        std::vector<Child> all;
        for (std::size_t i = 0; i < count; ++i) all.push_back(start(i));
        const Deadline end = time;
        while (!end.passed()) {
            ::poll(nullptr, 0, static_cast<int>(random() % 40));
            const auto victim = random() % count;
            // Some are only stopped for a while: slow is not dead.
            if (random() % 4 == 0) {
                all[victim].signal(SIGSTOP);
                ::poll(nullptr, 0, static_cast<int>(random() % 60));
                all[victim].signal(SIGCONT);
                continue;
            }
            all[victim].kill();
            log_->kills++;
            auto next = start(victim);
            std::destroy_at(&all[victim]), std::construct_at(&all[victim], std::move(next));
        }
        log_->stop = true;
        for (auto& c : all) EXPECT_TRUE(c.ok());
    }
    std::unique_ptr<Stage> stage_;
    Shared<Log> log_;
};

class JobHistory : public History {
protected:
    void note(const TakenJob<Numbered>& job) {
        auto& seen = log_->seen[job->from][job->number];
        if (job.deliveries() == 1)
            log_->firsts[job->from][job->number]++;
        else
            log_->flagged++;
        seen = 1;
    }
    QueueOptions options_{.most_deliveries = 0, .lease = 1s};

    Child producer(std::size_t s) {
        return Child([&, s] {
            auto out = or_throw(Producer<Numbered>::open(stage_->others, options_, patience));
            while (!log_->stop && log_->next[s] + 1 < most) {
                if (log_->next[s] % 32 == 0) ::poll(nullptr, 0, 1);  // so that there is something to do to the end
                const auto n = log_->next[s]++;
                log_->told[s][n] = unknown;
                const auto id = std::to_string(s) + "-" + std::to_string(n);
                const auto put = out.put(Numbered::make(static_cast<std::uint32_t>(s), n), {.id = id}, 2s);
                if (put)
                    log_->told[s][n] = acknowledged;
                else if (put.error().is(Errc::timed_out))
                    log_->told[s][n] = nothing;
            }
            return true;
        });
    }
    Child worker() {
        return Child([&] {
            auto in = or_throw(Worker<Numbered>::open(stage_->others, options_, patience));
            while (!log_->stop)
                if (auto job = in.take(50ms)) {
                    if (!(*job)->whole()) return false;
                    note(*job);
                    or_throw(std::move(*job).done());
                    log_->done++;
                }
            return true;
        });
    }
};

TEST_P(JobHistory, NothingAcknowledgedIsLostAndNothingIsNewTwice) {
    // Opened first, and never killed: where the queue lives in a process, in this one.
    auto keeper = or_throw(Worker<Numbered>::open(stage_->first, options_, patience));
    kill_at_random(2 * sources, [&](std::size_t i) { return i < sources ? producer(i) : worker(); }, 3s);
    // All works again at once, for who comes now.
    const auto begin = Deadline::Clock::now();
    auto out = or_throw(Producer<Numbered>::open(stage_->others, options_, patience));
    const auto last = log_->next[0]++;
    // Who died may have left it full, and of its workers only the keeper is still there.
    auto put = out.put(Numbered::make(0, last), 200ms);
    for (const Deadline d = 5s; !put && put.error().is(Errc::timed_out) && !d.passed();
         put = out.put(Numbered::make(0, last), 200ms))
        while (auto job = keeper.take(Deadline::now())) {
            note(*job);
            WYE_ASSERT_OK(std::move(*job).done());
        }
    WYE_ASSERT_OK(put);
    log_->told[0][last] = acknowledged;
    for (Deadline quiet = 2s; !quiet.passed();)
        if (auto job = keeper.take(200ms)) {
            note(*job);
            WYE_ASSERT_OK(std::move(*job).done());
            quiet = 1500ms;
        }
    EXPECT_EQ(log_->seen[0][last], 1);
    EXPECT_LT(Deadline::Clock::now() - begin, 30s);
    const auto v = judge(*log_);
    std::printf(
        "    %s, seed %u: %lu kills; %u acknowledged, %u unknown, %lu came again and said so; %u lost, %u new twice\n",
        GetParam().subject.name.c_str(), GetParam().seed, log_->kills.load(), v.acknowledged, v.unknown,
        log_->flagged.load(), v.lost, v.doubled);
    EXPECT_GT(v.acknowledged, 100u);
    EXPECT_EQ(v.lost, 0u);
    EXPECT_EQ(v.doubled, 0u);
}

class NewsHistory : public History {
protected:
    Child publisher() {
        return Child([&] {
            auto opened = Publisher<Numbered>::open(stage_->others, {.depth = 1 << 20}, patience);
            for (Deadline d = patience;
                 !opened && opened.error().is(Errc::busy) && !d.passed();)  // the dead one's place
                opened = Publisher<Numbered>::open(stage_->others, {.depth = 1 << 20}, patience);
            auto& out = *opened;
            while (!log_->stop && log_->next[0] + 1 < most) {
                const auto n = log_->next[0]++;
                log_->told[0][n] = unknown;
                if (out.publish(Numbered::make(0, n), "news", 2s) && out.flush(2s)) log_->told[0][n] = acknowledged;
                if (n % 64 == 0) ::poll(nullptr, 0, 1);
            }
            return true;
        });
    }
};

TEST_P(NewsHistory, WhatWasPublishedComesOnceAndInOrderThoughPublishersDie) {
    const Gate ready;
    auto keeper = or_throw(Subscriber<Numbered>::open(stage_->first, {.slow = Slow::block}, patience));
    Child hears([&] {  // another one, to compare with
        auto in = or_throw(Subscriber<Numbered>::open(stage_->others, {.slow = Slow::block}, patience));
        ready.open();
        std::int64_t last = -1;
        for (Deadline quiet = 8s; !quiet.passed();)
            if (auto got = in.next(200ms)) {
                log_->firsts[1][(*got)->number]++;
                if ((*got)->number <= last) log_->out_of_order = true;
                last = (*got)->number;
                if (log_->stop) quiet = 1500ms;
            } else if (log_->stop)
                quiet = quiet.sooner(1500ms);
        return true;
    });
    ready.wait();
    std::int64_t last = -1;
    // This process reads and kills in turns: what it does not read it holds up.
    std::thread reads([&] {
        for (Deadline quiet = 8s; !quiet.passed();)
            if (auto got = keeper.next(200ms)) {
                log_->seen[0][(*got)->number] = 1;
                log_->firsts[0][(*got)->number]++;
                if ((*got)->number <= last) log_->out_of_order = true;
                last = (*got)->number;
                if (log_->stop) quiet = 1500ms;
            } else if (log_->stop)
                quiet = quiet.sooner(1500ms);
    });
    kill_at_random(1, [&](std::size_t) { return publisher(); }, 3s);
    reads.join();
    EXPECT_TRUE(hears.ok());
    const auto v = judge(*log_);
    unsigned diverged = 0;
    for (std::size_t n = 0; n < log_->next[0]; ++n) diverged += log_->firsts[0][n] != log_->firsts[1][n];
    std::printf("    %s, seed %u: %lu kills; %u acknowledged, %u unknown; %u lost, %u twice, %u diverged\n",
                GetParam().subject.name.c_str(), GetParam().seed, log_->kills.load(), v.acknowledged, v.unknown, v.lost,
                v.doubled, diverged);
    EXPECT_GT(v.acknowledged, 100u);
    EXPECT_EQ(v.lost, 0u);
    EXPECT_EQ(v.doubled, 0u);
    EXPECT_EQ(diverged, 0u);
    EXPECT_FALSE(log_->out_of_order);
}

// WYE_SOAK: how many seeds instead.
std::vector<Case> cases(const std::vector<Subject>& subjects, bool (*can)(const Subject&)) {
    const auto* soak = std::getenv("WYE_SOAK");
    const auto seeds = soak ? static_cast<unsigned>(std::max(std::atoi(soak), 100)) : 5u;
    std::vector<Case> all;
    for (const auto& s : subjects)
        // tcp and tls are unix's hub behind another socket.
        for (unsigned seed = 1; can(s) && seed <= (soak || s.name[0] != 't' ? seeds : 1); ++seed)
            all.push_back({s, seed});
    return all;
}
std::string name_of_case(const testing::TestParamInfo<Case>& i) {
    return i.param.subject.name + "_" + std::to_string(i.param.seed);
}

INSTANTIATE_TEST_SUITE_P(Patterns, JobHistory,
                         testing::ValuesIn(cases(queue_subjects(), [](const Subject& s) { return s.able.redelivers; })),
                         name_of_case);
INSTANTIATE_TEST_SUITE_P(Patterns, NewsHistory,
                         testing::ValuesIn(cases(pub_sub_subjects(), [](const Subject& s) { return s.name == "shm"; })),
                         name_of_case);

}  // namespace
}  // namespace wye::test
