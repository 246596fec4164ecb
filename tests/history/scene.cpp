#include "history/scene.hpp"

#include "support/together.hpp"

#include <atomic>
#include <filesystem>
#include <optional>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

struct Flags {
    std::atomic<bool> sending{true}, reading{true};
    std::atomic<bool> mended{false};
    std::atomic<unsigned> put{0}, taken{0};  // who did again what it is there for
};

Outcome outcome(const Result<>& r) {
    return r ? Outcome::ok : r.error().is(Errc::unknown) ? Outcome::unknown : Outcome::fail;
}

// What each was told last: a line before the attempt, and one behind it.
std::vector<Event> settled(const std::vector<Event>& lines) {
    std::map<std::uint64_t, Event> last;
    for (const auto& e : lines) last[e.value] = e;
    std::vector<Event> all;
    for (const auto& [value, e] : last) all.push_back(e);
    return all;
}

class Actors {
public:
    Actors(const QueueScene& s, const std::string& place, Flags& flags) : scene_(s), place_(place), flags_(flags) {}

    Child producer() {
        const auto id = ++ids_;
        return Child([this, id] {
            auto out = opened<Producer<std::uint64_t>>(scene_.uri, jobs());
            return sends("send.", id, flags_.put, [&](std::uint64_t n) { return out.put(n, Deadline(3s)); });
        });
    }
    Child logger() {
        const auto id = ++ids_;
        return Child([this, id] {
            auto out = opened<Publisher<std::uint64_t>>(scene_.log, PublishOptions{.durability = Durability::process});
            return sends("log.", id, flags_.put, [&](std::uint64_t n) { return out.publish(n, {}, Deadline(3s)); });
        });
    }
    Child worker() {
        const auto id = ++ids_;
        return Child([this, id] {
            Recorder record(place_ + "/read." + std::to_string(id));
            auto in = opened<Worker<std::uint64_t>>(scene_.uri, jobs());
            for (bool again = false; flags_.reading;) {
                const bool mended = flags_.mended;
                auto job = in.take(200ms);
                if (!job) continue;
                const auto value = **job, at = job->place();
                record.seen(value, job->deliveries() > 1, at);
                const auto done = std::move(*job).done();
                record.done(value, outcome(done), at);
                if (done && mended && !std::exchange(again, true)) ++flags_.taken;
            }
            return true;
        });
    }

private:
    template <class Send>
    bool sends(const std::string& file, std::uint64_t id, std::atomic<unsigned>& works, Send&& send) {
        Recorder record(place_ + "/" + file + std::to_string(id));
        bool again = false;
        for (std::uint64_t n = id << 32; flags_.sending;) {
            ++n;
            record.sent(n, Outcome::unknown);  // for the case that we are killed over it
            const bool mended = flags_.mended;
            const auto r = send(n);
            record.sent(n, outcome(r));
            if (r && mended && !std::exchange(again, true)) ++works;
            std::this_thread::sleep_for(again ? 10ms : 1ms);  // from then on, enough for each worker to take some
        }
        return true;
    }
    QueueOptions jobs() const { return {.most_deliveries = 0, .lease = scene_.lease}; }
    template <class T, class Options>
    T opened(const std::string& uri, const Options& how) {
        for (const Deadline d = 20s;;) {
            auto r = T::open(uri, how, 10s);
            if (r) return std::move(*r);
            if (d.passed()) throw_error(r.error());
            std::this_thread::sleep_for(50ms);
        }
    }
    const QueueScene& scene_;
    const std::string& place_;
    Flags& flags_;
    std::uint64_t ids_ = 0;
};

Judgement look(const std::string& place, std::vector<Event>* logged = nullptr) {
    std::vector<Event> senders;
    std::vector<std::vector<Event>> readers;
    for (const auto& f : std::filesystem::directory_iterator(place)) {
        const auto name = f.path().filename().string();
        const auto lines = read_history(f.path());
        if (name.starts_with("read.")) {
            readers.push_back(lines);
            continue;
        }
        auto* to = name.starts_with("send.") ? &senders : logged;
        const auto s = settled(lines);
        if (to) to->insert(to->end(), s.begin(), s.end());
    }
    return judge(senders, readers);
}

}  // namespace

SceneResult play(const QueueScene& scene, std::uint64_t seed) {
    const TempDir place;
    Shared<Flags> flags;
    Actors actors(scene, place.path(), *flags);
    std::mt19937_64 random(seed);
    // The queue is there before anybody dies over making it.
    {
        auto first =
            or_throw(Worker<std::uint64_t>::open(scene.uri, {.most_deliveries = 0, .lease = scene.lease}, 20s));
        or_throw(first.depth());
    }
    std::vector<Child> senders, readers;
    for (unsigned i = 0; i < scene.producers; ++i) senders.push_back(actors.producer());
    for (unsigned i = 0; i < scene.workers; ++i) readers.push_back(actors.worker());
    std::optional<Child> logger;
    if (!scene.log.empty()) logger.emplace(actors.logger());
    for (const Deadline over = scene.faults; !over.passed();) {
        if (scene.kills_users) {
            auto& crowd = random() % 2 ? senders : readers;
            const auto victim = random() % crowd.size();
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 100));
            crowd[victim].kill();
            std::vector<Child> next;
            for (std::size_t i = 0; i < crowd.size(); ++i)
                if (i != victim) next.push_back(std::move(crowd[i]));
            next.push_back(&crowd == &senders ? actors.producer() : actors.worker());
            std::swap(crowd, next);
        }
        if (scene.nemesis) scene.nemesis(random);
    }
    if (scene.mend) scene.mend(random);
    SceneResult result;
    flags->mended = true;
    const auto over = Deadline::Clock::now();
    const auto since = [&] { return std::chrono::duration<double>(Deadline::Clock::now() - over).count(); };
    const unsigned all_put = scene.producers + (logger ? 1 : 0);
    const Deadline drained = scene.drain;
    for (; !drained.passed(); std::this_thread::sleep_for(10ms)) {
        if (flags->put < all_put) result.puts = since();
        if (flags->taken < scene.workers) result.takes = since();
        if (flags->put >= all_put && flags->taken >= scene.workers) break;
    }
    flags->sending = false;
    if (logger) senders.push_back(std::move(*logger));
    const Deadline ended = 15s;
    for (auto& s : senders)
        if (!s.ok(ended)) ADD_FAILURE() << "a producer did not come to its end";
    Deadline late = 10s;
    for (auto waiting = SIZE_MAX;; std::this_thread::sleep_for(50ms)) {
        result.judgement = look(place.path());
        if (result.judgement.lost.empty() || drained.passed()) break;
        if (std::exchange(waiting, result.judgement.lost.size()) != result.judgement.lost.size()) late = 10s;
        if (!scene.state || !late.passed()) continue;
        std::printf("    %.0f s after the faults, %zu not handed out: %s\n", since(), result.judgement.lost.size(),
                    scene.state().c_str());
        late = 10s;
    }
    result.all_read = since();
    std::this_thread::sleep_for(300ms);  // what comes twice comes now
    flags->reading = false;
    for (auto& r : readers)
        if (!r.ok(10s)) ADD_FAILURE() << "a worker did not come to its end";
    result.judgement = look(place.path(), &result.logged);
    return result;
}

}  // namespace wye::test
