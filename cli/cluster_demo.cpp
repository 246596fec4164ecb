#include "cluster_demo.hpp"

#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

enum class Told : std::uint8_t { acked, failed, unknown };

// What senders were told, and what was seen at the other end.
class Book {
public:
    void told(std::uint64_t number, const Result<>& r) {
        const std::lock_guard guard(mutex_);
        told_[number] = r ? Told::acked : r.error().is(Errc::unknown) ? Told::unknown : Told::failed;
    }
    void seen(std::uint64_t number, bool again) {
        const std::lock_guard guard(mutex_);
        auto& times = seen_[number];
        if (again)
            ++redelivered_;
        else if (times > 0)
            ++duplicated_;
        ++times;
    }
    bool all_seen() const {
        const std::lock_guard guard(mutex_);
        for (const auto& [number, what] : told_)
            if (what == Told::acked && !seen_.contains(number)) return false;
        return true;
    }
    DemoRow row(std::string pattern) const {
        const std::lock_guard guard(mutex_);
        DemoRow r{.pattern = std::move(pattern),
                  .tried = told_.size(),
                  .duplicated = duplicated_,
                  .redelivered = redelivered_};
        for (const auto& [number, what] : told_) {
            const bool there = seen_.contains(number);
            r.acked += what == Told::acked, r.failed += what == Told::failed, r.unknown += what == Told::unknown;
            r.lost += what == Told::acked && !there;
            r.stored += what == Told::unknown && there;
        }
        return r;
    }

private:
    mutable std::mutex mutex_;
    std::map<std::uint64_t, Told> told_;
    std::map<std::uint64_t, unsigned> seen_;
    std::uint64_t duplicated_ = 0, redelivered_ = 0;
};

struct Play {
    std::string news, jobs, squares;
    Book published, put, called;
    std::atomic<bool> sending = true, reading = true;
    std::mutex mutex;
    Result<> trouble;

    void failed(const Error& e) {
        const std::lock_guard guard(mutex);
        if (trouble) trouble = std::unexpected(e);
        sending = reading = false;
    }
    // Opens one, and goes on until it is time to stop.
    template <class Opened, class F>
    void act(const std::atomic<bool>& go, Opened opened, F&& step) {
        if (!opened) return failed(opened.error());
        while (go) step(*opened);
    }

    void publish() {
        std::uint64_t n = 0;
        act(sending, Publisher<std::uint64_t>::open(news, {.durability = Durability::process}, 15s), [&](auto& p) {
            ++n;
            published.told(n, p.publish(n, "tick", 3s));
        });
    }
    void subscribe() {
        act(reading, Subscriber<std::uint64_t>::open(news, {.name = "reader"}, 15s), [&](auto& s) {
            if (const auto got = s.next(200ms)) published.seen(**got, false);
        });
    }
    void produce(std::uint64_t from) {
        act(sending, Producer<std::uint64_t>::open(jobs, {}, 15s), [&](auto& p) {
            ++from;
            put.told(from, p.put(from, 3s));
        });
    }
    void work() {
        act(reading, Worker<std::uint64_t>::open(jobs, {.most_deliveries = 0, .lease = 2s}, 15s), [&](auto& w) {
            auto job = w.take(200ms);
            if (!job) return;
            put.seen(**job, job->deliveries() > 1);
            (void)std::move(*job).done();
        });
    }
    void serve() {
        act(reading, Server<std::uint64_t, std::uint64_t>::open(squares, {}, 15s),
            [&](auto& s) { (void)s.serve_one([](std::uint64_t x) { return x * x; }, 200ms); });
    }
    void call() {
        std::uint64_t n = 0;
        act(sending, Client<std::uint64_t, std::uint64_t>::open(squares, {}, 15s), [&](auto& c) {
            const auto got = c.call(++n, 2s, {.idempotent = true});
            const bool right = got && *got == n * n;
            called.told(n, got ? Result<>()
                               : Result<>(fail(got.error().is(Errc::timed_out) ? Errc::unknown : got.error().kind())));
            if (right) called.seen(n, false);
            std::this_thread::sleep_for(2ms);
        });
    }
};

// Kills one server after another, and brings each back.
unsigned make_trouble(NatsCluster& all, Deadline until, std::mt19937_64& random, const std::function<bool()>& stopped,
                      const std::function<void(const std::string&)>& say) {
    unsigned kills = 0;
    const auto rest = [&](std::chrono::milliseconds time) {
        for (const Deadline d = time; !d.passed() && !until.passed() && !stopped();) std::this_thread::sleep_for(20ms);
    };
    for (rest(1s); !until.passed() && !stopped(); rest(1500ms)) {
        auto& victim = all[random() % all.size()];
        say("kill -9 of the server at " + victim.address());
        if (victim.kill()) ++kills;
        rest(std::chrono::milliseconds(200 + random() % 800));
        if (const auto r = victim.restart(); !r) say(r.error().message());
        say("it is back");
    }
    return kills;
}

}  // namespace

Result<DemoResult> cluster_demo(NatsCluster& all, std::chrono::nanoseconds time, std::uint64_t seed,
                                const std::function<bool()>& stopped,
                                const std::function<void(const std::string&)>& say) {
    const auto replicas = "&replicas=" + std::to_string(all.size() >= 3 ? 3 : 1);
    Play play{.news = all.uri("news") + replicas + "&stream=NEWS",
              .jobs = all.uri("jobs") + replicas,
              .squares = all.uri("squares")};
    // The streams are there before anybody uses them.
    WYE_CHECK(Subscriber<std::uint64_t>::open(play.news, {.name = "reader"}, 20s));
    WYE_TRY(auto first, Worker<std::uint64_t>::open(play.jobs, {.most_deliveries = 0, .lease = 2s}, 20s));
    WYE_CHECK(first.depth());
    std::vector<std::jthread> senders, readers;
    readers.emplace_back([&] { play.subscribe(); });
    for (int i = 0; i < 2; ++i) readers.emplace_back([&] { play.work(); });
    for (int i = 0; i < 2; ++i) readers.emplace_back([&] { play.serve(); });
    senders.emplace_back([&] { play.publish(); });
    for (std::uint64_t i = 0; i < 2; ++i) senders.emplace_back([&, i] { play.produce(i << 32); });
    senders.emplace_back([&] { play.call(); });

    std::mt19937_64 random(seed);
    DemoResult result;
    result.kills = make_trouble(all, Deadline(time), random, [&] { return stopped() || !play.sending; }, say);
    say("the faults are over; everything is read to its end");
    const auto over = Deadline::Clock::now();
    play.sending = false;
    senders.clear();
    for (const Deadline d = 20s; !d.passed() && play.reading && !(play.published.all_seen() && play.put.all_seen());)
        std::this_thread::sleep_for(20ms);
    result.recovery = std::chrono::duration<double>(Deadline::Clock::now() - over).count();
    play.reading = false;
    readers.clear();
    WYE_CHECK(play.trouble);
    result.rows = {play.published.row("publish, stream of 3"), play.put.row("work queue of 3"),
                   play.called.row("request")};
    return result;
}

}  // namespace wye::cli
