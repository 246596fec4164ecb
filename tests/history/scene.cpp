#include "history/scene.hpp"

#include "support/together.hpp"

#include <atomic>
#include <filesystem>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

struct Flags {
    std::atomic<bool> sending{true}, reading{true};
};

class Actors {
public:
    Actors(const QueueScene& s, const std::string& place, Flags& flags) : scene_(s), place_(place), flags_(flags) {}

    Child producer() {
        const auto id = ++ids_;
        return Child([this, id] {
            Recorder record(place_ + "/send." + std::to_string(id));
            auto out = opened<Producer<std::uint64_t>>();
            for (std::uint64_t n = id << 32; flags_.sending;) {
                ++n;
                record.sent(n, Outcome::unknown);  // for the case that we are killed over it
                const auto r = out.put(n, Deadline(3s));
                record.sent(n, r ? Outcome::ok : r.error().is(Errc::unknown) ? Outcome::unknown : Outcome::fail);
                std::this_thread::sleep_for(1ms);
            }
            return true;
        });
    }
    Child worker() {
        const auto id = ++ids_;
        return Child([this, id] {
            Recorder record(place_ + "/read." + std::to_string(id));
            auto in = opened<Worker<std::uint64_t>>();
            while (flags_.reading) {
                auto job = in.take(200ms);
                if (!job) continue;
                record.seen(**job, job->deliveries() > 1);
                (void)std::move(*job).done();
            }
            return true;
        });
    }

private:
    template <class T>
    T opened() {
        for (const Deadline d = 20s;;) {
            auto r = T::open(scene_.uri, {.most_deliveries = 0, .lease = scene_.lease}, 10s);
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

// What each was told last: a line before the attempt, and one behind it.
std::vector<Event> settled(const std::vector<Event>& lines) {
    std::map<std::uint64_t, Event> last;
    for (const auto& e : lines) last[e.value] = e;
    std::vector<Event> all;
    for (const auto& [value, e] : last) all.push_back(e);
    return all;
}

Judgement look(const std::string& place) {
    std::vector<Event> senders;
    std::vector<std::vector<Event>> readers;
    for (const auto& f : std::filesystem::directory_iterator(place)) {
        const auto lines = read_history(f.path());
        if (f.path().filename().string().starts_with("send.")) {
            const auto s = settled(lines);
            senders.insert(senders.end(), s.begin(), s.end());
        } else {
            readers.push_back(lines);
        }
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
    const auto over = Deadline::Clock::now();
    flags->sending = false;
    for (auto& s : senders)
        if (!s.ok(15s)) ADD_FAILURE() << "a producer did not come to its end";
    SceneResult result;
    for (const Deadline d = scene.drain;; std::this_thread::sleep_for(50ms)) {
        result.judgement = look(place.path());
        if (result.judgement.lost.empty() || d.passed()) break;
    }
    result.recovery = std::chrono::duration<double>(Deadline::Clock::now() - over).count();
    std::this_thread::sleep_for(300ms);  // what comes twice comes now
    flags->reading = false;
    for (auto& r : readers)
        if (!r.ok(10s)) ADD_FAILURE() << "a worker did not come to its end";
    result.judgement = look(place.path());
    return result;
}

}  // namespace wye::test
