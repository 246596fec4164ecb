// What who leads a queue's workers says while it hears of no other server, and what the next leader knows of it.
#include "wye/pattern/work_queue.hpp"

#include "history/history.hpp"
#include "history/islands.hpp"
#include "history/replicas.hpp"
#include "support/support.hpp"

#include <optional>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

class LeaderAlone {
public:
    static constexpr std::uint64_t some = 3, all_jobs = 12;

    LeaderAlone() {
        for (std::size_t i = 0; i < 3; ++i) servers_.uris.push_back(islands_.uri_of(i, "x") + "&plaintext=allow");
        version_ = version_of(servers_);
        make_stream(servers_, "wye_jobs", {"wye.queue.jobs"}, true);
    }
    bool play() {
        {
            auto in = worker(islands_.uri("jobs"));
            put();
            take(in, some, 20s);
        }
        const auto alone = leader();
        {
            auto in = worker(islands_.uri_of(alone, "jobs"));
            std::this_thread::sleep_for(1s);  // what was done before, all of them know
            for (std::size_t i = 0; i < 3; ++i) islands_.separate(i);
            take(in, some, 5s);
            islands_.kill(alone);
        }
        const auto handed_out_alone = seen_.size() / 2 - some;
        islands_.heal();
        auto next = worker(islands_.uri_of((alone + 1) % 3, "jobs"));
        for (const Deadline d = 60s; !d.passed() && !judge(sent_, {seen_}).lost.empty();) take(next, 1, 5s);
        const auto j = judge(sent_, {seen_});
        std::printf("%llu handed out by a leader that was alone; %s\n",
                    static_cast<unsigned long long>(handed_out_alone), j.text().c_str());
        if (version_.starts_with("2.9.")) {  // newer ones hand out nothing
            EXPECT_EQ(handed_out_alone, some);
        }
        EXPECT_TRUE(j.lost.empty() && j.never.empty()) << j.text();
        for (const auto& t : j.twice) EXPECT_TRUE(!t.kept_twice() && !t.was_done) << j.text();
        return true;
    }

private:
    static constexpr QueueOptions how{.most_deliveries = 0, .lease = 2s};

    Worker<std::uint64_t> worker(const std::string& uri) {
        return or_throw(Worker<std::uint64_t>::open(uri + "&replicas=3&plaintext=allow", how, 20s));
    }
    void put() {
        const auto uri = islands_.uri("jobs") + "&replicas=3&plaintext=allow";
        auto out = or_throw(Producer<std::uint64_t>::open(uri, how, 20s));
        for (std::uint64_t n = 1; n <= all_jobs; ++n) {
            or_throw(out.put(n, 20s));
            sent_.push_back({Event::Kind::sent, n});
        }
    }
    void take(Worker<std::uint64_t>& in, std::uint64_t most, std::chrono::seconds patience) {
        for (std::uint64_t n = 0; n < most; ++n) {
            auto job = in.take(patience);
            if (!job) return;
            const auto value = **job, place = job->place();
            told(Event::Kind::seen, value, Outcome::ok, job->deliveries() > 1, place);
            const auto r = std::move(*job).done();
            told(Event::Kind::done, value, r ? Outcome::ok : Outcome::unknown, false, place);
        }
    }
    void told(Event::Kind kind, std::uint64_t value, Outcome o, bool again, std::uint64_t place) {
        const auto now = static_cast<std::uint64_t>(Deadline::Clock::now().time_since_epoch().count());
        seen_.push_back({kind, value, o, again, place, now});
    }
    std::size_t leader() {
        constexpr std::string_view says = "\"leader\":\"island";
        const auto said = state_of(servers_, "wye_jobs");  // of the workers last
        const auto at = said.rfind(says);
        if (at == said.npos) throw std::runtime_error("nobody leads: " + said);
        return static_cast<std::size_t>(said[at + says.size()] - '0');
    }

    Islands islands_{3};
    Servers servers_;
    std::string version_;
    std::vector<Event> sent_, seen_;
};

// nats-server 2.9.10 hands jobs out, and says that it has noted that they are done, before another server has it. What
// it said while it was alone its successor does not know: it hands them out again, and calls that the first time. So
// done() must not say ok then.
TEST(Histories, of_a_leader_that_hears_of_no_other) {
    if (const auto why = Islands::hindrance(); !why.empty()) GTEST_SKIP() << why;
    Child apart([] { return Islands::enter() && LeaderAlone().play(); });
    EXPECT_TRUE(apart.ok(200s));
}

}  // namespace
}  // namespace wye::test
