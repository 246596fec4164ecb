// The instrument itself, held against means whose figures are known.
#include "measure/work.hpp"

#include "measure/program.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>

using namespace wye;
using namespace wye::measure;
using namespace std::chrono_literals;

namespace {

// Packets through socket pairs, `late` each, of which every `loses`-th is lost; what it is told to do wrong, it does.
class Known : public Means {
public:
    std::chrono::microseconds late{0};
    unsigned loses = 0;
    std::string throws;                  // what its second end throws at the third message
    bool dies = false;                   // or is killed
    int ends = 0;                        // that are open in this process
    int left = 0;                        // ends that were not cleaned up
    std::chrono::microseconds apart{0};  // a publisher tells one so much after the other
    std::chrono::microseconds wears{0};  // what a loan costs more when there was one of another size
    std::size_t mebibytes = 0;           // that an end has and uses
    bool side_by_side = false;           // there can be several
    bool restless = false;               // who waits looks again and again

    Known() { name = "known", group = "test", shapes = duel | fan | measure::queue | request; }
    void prepare(Shape, unsigned parties) override {
        ++left;
        pairs_.resize(parties);
        for (auto& p : pairs_)
            if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p.data()) != 0)
                throw std::runtime_error("socketpair");
    }
    std::unique_ptr<End> open(Role r, unsigned which) override { return std::make_unique<One>(*this, r, which); }
    std::unique_ptr<Means> another() const override {
        if (!side_by_side) return nullptr;
        auto one = std::make_unique<Known>();
        one->mebibytes = mebibytes;
        return one;
    }
    void clean() noexcept override {
        --left;
        for (auto& p : pairs_) ::close(p[0]), ::close(p[1]);
        pairs_.clear();
    }

    std::size_t usual = 64, longest_answer = 1000;
    unsigned away = 0, most_away = 0, looked = 0;
    bool worn = false;

private:
    class One : public End {
    public:
        One(Known& k, Role r, unsigned which) : k_(k), role_(r), which_(which), has_(k.mebibytes << 20, std::byte{1}) {
            ++k_.ends;
        }
        ~One() override { --k_.ends; }
        void send(Bytes b) override {
            ++n_;
            if (k_.loses && n_ % k_.loses == 0) return;
            if (k_.late > 0us) ::usleep(static_cast<unsigned>(k_.late.count()));
            // A publisher tells each, a producer one after the other.
            if (role_ == Role::publisher)
                for (std::size_t i = 0; i + 1 < k_.pairs_.size(); ++i) {
                    if (i > 0) ::usleep(static_cast<unsigned>(k_.apart.count()));
                    put(k_.pairs_[i][0], b);
                }
            else if (role_ == Role::producer)
                put(k_.pairs_[n_ % (k_.pairs_.size() - 1)][0], b);
            else
                put(k_.pairs_[0][first() ? 0 : 1], b);
        }
        std::size_t recv(MutBytes into, bool poll) override {
            k_.looked += poll;
            if (role_ == Role::second && ++got_ == 3) {
                if (!k_.throws.empty()) throw std::runtime_error(k_.throws);
                if (k_.dies) ::kill(::getpid(), SIGKILL);
            }
            while (k_.restless && role_ == Role::second && got_ > 1) ::usleep(1000);
            const auto& p = k_.pairs_[role_ == Role::subscriber || role_ == Role::worker ? which_ : 0];
            const int fd = first() ? p[0] : p[1];
            // Its own copy of the other end keeps a killed one's alive.
            timeval t{.tv_sec = 1, .tv_usec = 0};
            const bool tires = role_ == Role::first || role_ == Role::client;
            if (tires) ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
            const auto r = ::recv(fd, into.data(), into.size(), 0);
            if (r < 0 && tires) throw std::runtime_error("nothing came");
            while (r < 0) ::pause();
            return static_cast<std::size_t>(r);
        }

        void send_loan(std::size_t n) override {
            k_.worn = k_.worn || n != k_.usual;
            if (k_.worn) ::usleep(static_cast<unsigned>(k_.wears.count()));
            k_.most_away = std::max(k_.most_away, ++k_.away);
        }
        std::size_t send_many(std::span<const Bytes> all) override {
            const auto n = std::min<std::size_t>(all.size(), 3);
            for (const auto b : all.first(n)) send(b);
            return n;
        }
        std::size_t recv_many(std::size_t most, const std::function<void(Bytes)>& each) override {
            std::vector<std::byte> room(k_.size);
            const auto n = std::min<std::size_t>(most, 5);
            for (std::size_t i = 0; i < n; ++i) each(Bytes(room).first(recv(room, false)));
            k_.most_away = std::max(k_.most_away, static_cast<unsigned>(most));
            return n;
        }
        void ask(Bytes b) override {
            k_.most_away = std::max(k_.most_away, ++k_.away);
            send(b);
        }
        std::size_t answer(MutBytes into) override {
            --k_.away;
            return recv(into, false);
        }
        void serve_looking(MutBytes room) override {
            const auto n = recv(room, true);
            send(room.first(std::min(n, k_.longest_answer)));
        }
        void serve_with(MutBytes room, Bytes answer) override {
            End::serve_with(room, answer.first(std::min(answer.size(), k_.longest_answer)));
        }
        void recv_loan() override {
            if (k_.away-- == 0) throw std::runtime_error("nothing was lent");
        }

    private:
        bool first() const {
            return role_ != Role::second && role_ != Role::subscriber && role_ != Role::worker && role_ != Role::server;
        }
        static void put(int fd, Bytes b) {
            if (::send(fd, b.data(), b.size(), 0) < 0) throw std::runtime_error(std::strerror(errno));
        }
        Known& k_;
        Role role_;
        unsigned which_, n_ = 0, got_ = 0;
        std::vector<std::byte> has_;
    };
    std::vector<std::array<int, 2>> pairs_;
};

double ns(double v) { return v / Taken::a_ns; }

std::string trouble_of(const Work& w, Means& m) {
    try {
        (void)run(w, m);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

}  // namespace

TEST(Measure, to_and_fro_is_half_of_the_way_there_and_back) {
    Known k;
    k.late = 2ms;
    const auto t = run({.workload = "latency", .messages = 20}, k);
    EXPECT_EQ(t.messages, 20u);
    EXPECT_EQ(t.times.total(), 20u);
    // Each way sleeps for 2 ms, and never shorter.
    EXPECT_GE(ns(t.times.at(0)), 1.98e6);
    EXPECT_LT(ns(t.times.at(.5)), 500e6);
    EXPECT_EQ(k.left, 0);
}

TEST(Measure, what_is_lost_is_counted) {
    Known k;
    k.loses = 10;
    auto t = run({.workload = "throughput", .messages = 640}, k);
    EXPECT_NEAR(static_cast<double>(t.lost), 71, 5);  // of 640 that came
    k.lossless = false;
    t = run({.workload = "rate", .rate = 20'000, .messages = 200}, k);
    EXPECT_EQ(t.messages, 180u);
    EXPECT_EQ(t.lost, 20u);
    Known good;
    t = run({.workload = "throughput", .messages = 640}, good);
    EXPECT_EQ(t.lost, 0u);
}

TEST(Measure, a_message_is_late_from_when_it_should_have_been_sent) {
    // The sender itself is held up: a millisecond each, where ten a millisecond were asked for. Whoever looked at the
    // clock only when it sends would see nothing of it.
    Known k;
    k.late = 1ms;
    const auto t = run({.workload = "rate", .rate = 10'000, .messages = 100}, k);
    EXPECT_EQ(t.messages, 100u);
    EXPECT_GT(ns(static_cast<double>(t.times.largest())), 80e6);
    EXPECT_GT(ns(t.times.at(.5)), 20e6);
    EXPECT_LT(t.times.at(.5), static_cast<double>(t.times.largest()));
}

TEST(Measure, a_sleeper_is_woken_once_a_message) {
    Known k;
    const auto t = run({.workload = "wakeup", .gap = 2ms, .messages = 10}, k);
    EXPECT_GE(t.messages, 9u);
    EXPECT_EQ(t.times.total(), t.messages);
    EXPECT_GT(t.switches, .9);
    EXPECT_LT(ns(t.times.at(.5)), 500e6);
}

TEST(Measure, of_many_sleepers_the_first_and_the_last_are_told_apart) {
    Known k;
    k.apart = 3ms;
    auto t = run({.workload = "wakeup:many", .parties = 4, .gap = 1ms, .messages = 10}, k);
    EXPECT_EQ(t.messages, 10u);
    EXPECT_EQ(t.times.total(), 10u);
    EXPECT_EQ(t.lost, 0u);
    EXPECT_GE(ns(t.times.at(0)), 5.94e6);
    EXPECT_GE(t.more.at("send_ns"), 5.94e6);
    EXPECT_LT(t.more.at("first_ns"), ns(t.times.middle()));
    k.apart = 0us, k.loses = 4, k.lossless = false;
    t = run({.workload = "wakeup:many", .parties = 4, .gap = 1ms, .messages = 10}, k);
    EXPECT_EQ(t.lost, 6u) << "the fourth and the eighth of eleven";
    EXPECT_EQ(t.times.total(), 8u);
    k.lossless = true;
    EXPECT_EQ(trouble_of({.workload = "wakeup:many", .parties = 4, .messages = 10}, k), "3 of 3 were not woken in 2 s");
    Known most;
    t = run({.workload = "wakeup:many", .parties = 65, .messages = 4}, most);
    EXPECT_EQ(t.times.total(), 4u);
    EXPECT_EQ(k.left + most.left, 0);
}

TEST(Measure, all_of_many_get_it_or_one_of_them) {
    Known k;
    auto t = run({.workload = "fanout", .parties = 4, .messages = 64}, k);
    EXPECT_EQ(t.messages, 64u);
    EXPECT_EQ(t.lost, 0u);
    EXPECT_GE(t.times.total(), 3u * 5);
    EXPECT_GT(t.ns, 0);
    t = run({.workload = "queue", .parties = 5, .messages = 64}, k);
    EXPECT_EQ(t.messages, 64u);
    EXPECT_EQ(t.note, "most to least of a worker 16:16");
    EXPECT_EQ(k.left, 0);
}

TEST(Measure, a_question_is_counted_when_its_answer_is_there) {
    Known k;
    k.late = 1ms;
    // Its answer comes by the same call that asks; here recv() is where it waits, and both ways sleep.
    const auto t = run({.workload = "request", .messages = 10}, k);
    EXPECT_EQ(t.times.total(), 10u);
    EXPECT_GE(ns(t.times.at(0)), 1.98e6);
}

TEST(Measure, nothing_happens_and_costs_nothing) {
    Known k;
    const auto t = run({.workload = "idle", .time = 500ms}, k);
    EXPECT_LT(t.cpu_ns, 2e8);  // a second; a loop would have 1e9
    EXPECT_EQ(t.messages, 0u);
    EXPECT_NEAR(t.more.at("sender_cpu_ns") + t.more.at("receiver_cpu_ns"), t.cpu_ns, 1);
    EXPECT_NEAR(t.more.at("sender_switches") + t.more.at("receiver_switches"), t.switches, .01);
    EXPECT_FALSE(t.more.contains("daemon_cpu_ns"));
    EXPECT_EQ(k.left, 0);
    EXPECT_EQ(trouble_of({.workload = "idle", .at_once = 2}, k), "one channel at a time");
}

TEST(Measure, who_looks_while_it_should_sleep_is_seen_and_whose_it_is) {
    Known k;
    k.restless = true;  // wakes up each millisecond, at the end that waits
    const auto t = run({.workload = "idle", .time = 500ms}, k);
    EXPECT_GT(t.more.at("receiver_switches"), 50);
    EXPECT_LT(t.more.at("sender_switches"), 50);
}

TEST(Measure, what_a_channel_has_is_found_of_many_that_lie_there) {
    Known k;
    k.mebibytes = 1;
    k.side_by_side = true;
    for (const auto n : {1u, 20u}) {
        const auto t = run({.workload = "idle", .at_once = n, .time = 500ms}, k);
        for (const auto* kind : {"rss_kib", "pss_kib"}) {
            EXPECT_GE(t.more.at(kind), 2 * 1024) << kind << ", both ends of " << n;
            // Sanitizers keep books of their own.
            EXPECT_LT(t.more.at(kind), (test::under_tsan || test::under_asan ? 20 : 3) * 1024) << kind << " of " << n;
        }
    }
    EXPECT_EQ(k.left, 0);
}

TEST(Measure, who_sleeps_can_be_told_that_it_is_enough) {
    Known k;
    bool begun = false;
    int there = 0;
    const auto begin = std::chrono::steady_clock::now();
    (void)run(
        {.workload = "idle", .time = 100s, .begun = [&] { begun = true, there = k.ends, ::kill(::getpid(), SIGTERM); }},
        k);
    EXPECT_TRUE(begun);
    EXPECT_EQ(there, 1) << "its end is open";
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 50s);
    EXPECT_EQ(k.left, 0);
}

TEST(Measure, a_loan_after_many_is_held_against_a_fresh_one) {
    Known k;
    k.can = lends;
    k.wears = 2ms;
    const auto t = run({.workload = "loan:worn", .messages = 20}, k);
    EXPECT_EQ(t.messages, 20u);
    EXPECT_GE(ns(t.times.at(0)), 1.98e6);
    EXPECT_LT(t.more.at("fresh_ns"), 1.5e6);
    EXPECT_GE(t.more.at("before"), 20);
    EXPECT_GT(k.most_away, 4u);
    EXPECT_EQ(k.away, 0u);
    EXPECT_EQ(k.left, 0);
}

TEST(Measure, several_in_a_call_are_each_looked_at) {
    Known k;
    k.can = batches;
    auto t = run({.workload = "throughput:batch", .at_once = 8, .messages = 640}, k);
    EXPECT_GE(t.messages, 640u);
    EXPECT_EQ(t.bytes, t.messages * 64);
    EXPECT_EQ(t.lost, 0u);
    EXPECT_EQ(k.at_once, 8u);
    EXPECT_EQ(k.most_away, 8u);
    k.loses = 10;
    t = run({.workload = "throughput:batch", .at_once = 8, .messages = 640}, k);
    EXPECT_NEAR(static_cast<double>(t.lost), 71, 8);
    k.loses = 0;
    (void)run({.workload = "throughput", .messages = 640}, k);
    EXPECT_EQ(k.at_once, 0u) << "is for who does batches alone";
}

TEST(Measure, so_many_questions_are_on_their_way_and_no_more) {
    Known k;
    k.can = flights;
    for (const auto n : {1u, 16u}) {
        k.away = k.most_away = 0;
        const auto t = run({.workload = "request:flight", .at_once = n, .messages = 100}, k);
        EXPECT_EQ(t.times.total(), 100u);
        EXPECT_EQ(k.most_away, n);
        EXPECT_GT(t.ns, 0);
    }
}

TEST(Measure, both_sides_of_a_question_look_again_and_again_where_that_is_asked) {
    Known k;
    const Work polling{.workload = "request", .poll = true, .messages = 100};
    EXPECT_EQ(trouble_of(polling, k), "cannot look again and again");
    k.can = looks;
    EXPECT_EQ(run(polling, k).times.total(), 100u);
    EXPECT_GE(k.looked, 100u);
    k.looked = 0, k.longest_answer = 9;
    EXPECT_EQ(run({.workload = "request", .messages = 10}, k).times.total(), 10u);
    EXPECT_EQ(k.looked, 0u);
    EXPECT_EQ(trouble_of(polling, k), "an answer of 9 bytes") << "its server looks, too";
}

TEST(Measure, an_answer_has_a_length_of_its_own) {
    Known k;
    k.can = answers;
    const auto t = run({.workload = "request:answer", .size = 1000, .messages = 10}, k);
    EXPECT_EQ(t.times.total(), 10u);
    k.longest_answer = 99;
    EXPECT_EQ(trouble_of({.workload = "request:answer", .size = 1000, .messages = 10}, k), "an answer of 99 bytes");
    k.can = 0;
    EXPECT_EQ(trouble_of({.workload = "request:answer"}, k), "known does no request:answer");
}

TEST(Measure, what_fails_in_another_process_is_said_and_nothing_stays) {
    Known k;
    k.throws = "the line is cut";
    EXPECT_EQ(trouble_of({.workload = "latency", .messages = 20}, k), "the line is cut");
    Known killed;
    killed.dies = true;
    EXPECT_EQ(trouble_of({.workload = "latency", .messages = 20}, killed), "nothing came");
    EXPECT_EQ(k.left + killed.left, 0);
    EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0);
    EXPECT_EQ(errno, ECHILD);
}

TEST(Measure, what_cannot_be_done_is_refused_with_the_reason) {
    Known k;
    EXPECT_EQ(trouble_of({.workload = "speed"}, k), "unknown workload: speed");
    EXPECT_EQ(trouble_of({.workload = "latency", .parties = 1}, k), "2 to 65 processes");
    k.largest = 100;
    EXPECT_EQ(trouble_of({.workload = "latency", .size = 101}, k), "messages of up to 100 bytes");
    EXPECT_EQ(trouble_of({.workload = "loan"}, k), "known does no loan");
    EXPECT_EQ(k.left, 0);
    k.shapes = duel;
    EXPECT_EQ(trouble_of({.workload = "fanout"}, k), "known does no fanout");
    EXPECT_EQ(k.left, 0);
}

TEST(MeasureJson, work_and_what_it_took_come_back_as_they_were) {
    const Work w{.means = "unix",
                 .workload = "rate",
                 .poll = true,
                 .size = 9,
                 .parties = 3,
                 .rate = 2.5,
                 .at_once = 5,
                 .gap = 7ns,
                 .time = 8ms,
                 .messages = 6};
    const auto again = or_throw(work_from(measure::to_json(w)));
    EXPECT_EQ(measure::to_json(again), measure::to_json(w));
    Taken t{.messages = 3, .bytes = 4, .lost = 5, .ns = 6.5, .cpu_ns = 7, .switches = 8, .note = "n"};
    t.times.add(1000, 3);
    const auto back = or_throw(taken_from(measure::to_json(t)));
    EXPECT_EQ(measure::to_json(back), measure::to_json(t));
    for (const auto* bad : {"{}", "[]", "1", R"({"means": 3, "workload": "latency"})",
                            R"({"means": "x", "workload": "latency", "size": -1.5e300})"})
        WYE_EXPECT_ERRC(Errc::corrupt, work_from(Json::parse(bad)));
    auto j = measure::to_json(t);
    j["times"] = Json::parse("[[99999999, 1]]");
    WYE_EXPECT_ERRC(Errc::corrupt, taken_from(j));
    j["times"] = "no";
    WYE_EXPECT_ERRC(Errc::corrupt, taken_from(j));
}
