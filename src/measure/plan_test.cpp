// The whole run, of a program that answers what it is told; and two results beside each other.
#include "measure/plan.hpp"

#include "measure/compare.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <set>
#include <sstream>

using namespace wye;
using namespace wye::measure;
using namespace std::chrono_literals;

namespace {

// A shell script that measures nothing: it notes what it is asked for, and each answer is a little slower.
class Script {
public:
    Script() {
        std::ofstream(path_) << R"sh(#!/bin/sh
dir=$(dirname "$0")
means() { printf '{"name": "%s", "group": "%s", "version": "1.0", "summary": "s", "can": 323, "shapes": %s, "largest": %s, "carries": true, "lossless": true, "polls": %s}' "$@"; }
if [ "$1" = list ]; then
    printf '[%s, %s, %s, %s, %s]' "$(means quick wye 3 0 true)" "$(means small wye 1 100 false)" "$(means broken peer 1 0 false)" \
        "$(means floor:line floor 1 0 true)" "$(means floor:wake floor 1 0 false)"
    exit 0
fi
echo "$2" >>"$dir/asked"
case $2 in
*'"broken"'*) echo "it is broken" >&2; exit 1 ;;
*'"idle"'*)
    echo
    for i in $(seq 500); do [ "$(grep -c '"idle"' "$dir/asked")" -lt 3 ] || break; sleep .02; done
    [ "$(grep -c '"idle"' "$dir/asked")" -ge 3 ] || { echo "alone" >&2; exit 1; } ;;
*'"crash:sender"'*) printf '{"times": [], "largest": 0, "messages": 0, "bytes": 0, "lost": 0, "ns": 0, "cpu_ns": 0, "switches": 0, "note": "cannot"}'; exit 0 ;;
esac
n=$(wc -l <"$dir/asked")
printf '{"times": [[%s, 10]], "largest": 99, "messages": 10, "bytes": 640, "lost": 1, "ns": %s, "cpu_ns": 5, "switches": 1, "more": {"told_ns": %s, "left": %s}, "note": ""}' $((100 + n)) $((1000 + n)) $n $n
)sh";
        ::chmod(path_.c_str(), 0700);
    }
    Program program() const { return {{path_}}; }
    std::vector<Json> asked() const {
        std::ifstream in(dir_ / "asked");
        std::vector<Json> all;
        for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
        return all;
    }

private:
    test::TempDir dir_;
    std::string path_ = dir_ / "program";
};

Json document() {
    return Json::parse(R"({"schema": "wye.bench/1", "mode": "quick", "complete": true,
        "machine": {"cpu": "c", "processors": 2, "kernel": "k", "virtual": null}, "floor": {"line_ns": 50.0}, "results": []})");
}

Json row(const std::string& means, double p50, double spread) {
    return {{"means", means},  {"workload", "latency"}, {"wait", "block"}, {"size", 64},    {"parties", 2},
            {"rate", nullptr}, {"gap_ns", nullptr},     {"p50", p50},      {"ns", nullptr}, {"spread", spread}};
}

}  // namespace

TEST(BenchPlan, each_round_asks_for_all_in_another_order) {
    const Script script;
    auto bench = or_throw(Bench::plan(
        {script.program()}, {}, {.means = {"quick", "small"}, .workloads = {"latency", "throughput"}, .rounds = 2}));
    EXPECT_EQ(bench.pieces(), 6u + 2u);  // small takes no 4096, and does not poll
    const auto d = bench.run([](const Bench::State&) { return true; });
    std::vector<std::string> order[2];
    for (const auto& w : script.asked())
        if (!w.at("means").get<std::string>().starts_with("floor") && w.at("messages") == 0)
            order[order[0].size() == bench.pieces()].push_back(w.at("means").get<std::string>() +
                                                               w.at("workload").get<std::string>() +
                                                               w.at("size").dump() + w.at("poll").dump());
    ASSERT_EQ(order[0].size(), bench.pieces());
    ASSERT_EQ(order[1].size(), bench.pieces());
    EXPECT_NE(order[0], order[1]);
    EXPECT_EQ(std::set(order[0].begin(), order[0].end()), std::set(order[1].begin(), order[1].end()));
    EXPECT_TRUE(d.at("complete"));
    EXPECT_EQ(d.at("results").size(), bench.pieces());
    for (const auto& r : d.at("results")) {
        EXPECT_EQ(r.at("messages"), 20);
        EXPECT_EQ(r.at("lost"), 2);
        ASSERT_EQ(r.at("rounds").size(), 2u);
        const double a = r.at("rounds")[0], b = r.at("rounds")[1];
        EXPECT_NEAR(r.at("spread"), std::abs(b - a) / ((a + b) / 2), .006);
        EXPECT_NEAR(r.at(r.at("workload") == "throughput" ? "ns" : "p50"), (a + b) / 2, .11);
    }
}

TEST(BenchPlan, a_means_that_fails_is_asked_once_and_the_others_go_on) {
    const Script script;
    auto bench = or_throw(Bench::plan({script.program()}, {{"absent", "peer", "is not installed"}},
                                      {.workloads = {"throughput"}, .sizes = {64}, .rounds = 3}));
    const auto d = bench.run([](const Bench::State&) { return true; });
    EXPECT_EQ(d.at("results").size(), 2u);
    ASSERT_EQ(d.at("failed").size(), 1u);
    EXPECT_EQ(d.at("failed")[0].at("why"), "it is broken");
    EXPECT_EQ(std::ranges::count_if(script.asked(), [](const Json& w) { return w.at("means") == "broken"; }), 1);
    bool said = false;
    for (const auto& m : d.at("means"))
        said = said || (m.at("name") == "absent" && m.at("missing") == "is not installed");
    EXPECT_TRUE(said);
    EXPECT_GT(d.at("floor").at("wake_ns").get<double>(), 0);
}

TEST(BenchPlan, what_says_that_it_does_not_is_asked_once_and_a_workloads_own_figures_are_kept) {
    const Script script;
    auto bench = or_throw(
        Bench::plan({script.program()}, {}, {.means = {"quick"}, .workloads = {"crash"}, .sizes = {64}, .rounds = 3}));
    EXPECT_EQ(bench.pieces(), 11u);  // what is asked for has the others of its kind with it
    const auto d = bench.run([](const Bench::State&) { return true; });
    std::vector<double> asked;
    double line = 0;
    for (const auto& w : script.asked()) {
        ++line;
        if (w.at("workload") == "crash:receiver") asked.push_back(line);
    }
    ASSERT_EQ(asked.size(), 3u);
    for (const auto& r : d.at("results")) {
        if (r.at("workload") == "crash:receiver") {
            EXPECT_EQ(r.at("more").at("told_ns"), asked[1]) << "the median";
            EXPECT_EQ(r.at("more").at("left"), asked[2]) << "the most";
        }
        if (r.at("workload") != "crash:sender") continue;
        EXPECT_EQ(r.at("note"), "cannot");
        EXPECT_EQ(r.at("rounds").size(), 1u);
        EXPECT_TRUE(r.at("p50").is_null() && r.at("more").is_null());
    }
}

TEST(BenchPlan, what_is_the_same_every_time_is_measured_once) {
    const Script script;
    auto bench = or_throw(
        Bench::plan({script.program()}, {}, {.means = {"quick"}, .workloads = {"growth:channels"}, .rounds = 3}));
    const auto d = bench.run([](const Bench::State&) { return true; });
    std::multiset<std::uint64_t> asked;
    for (const auto& w : script.asked())
        if (w.at("workload") == "growth:channels") asked.insert(w.at("at_once").get<std::uint64_t>());
    EXPECT_EQ(asked, (std::multiset<std::uint64_t>{1, 100}));
    EXPECT_EQ(d.at("results")[1].at("at_once"), 100);
}

TEST(BenchPlan, who_sleeps_for_a_minute_does_so_beside_the_others_and_once) {
    const Script script;
    const Wish wish{.means = {"quick"}, .workloads = {"idle"}, .full = true, .rounds = 2};
    auto bench = or_throw(Bench::plan({script.program()}, {}, wish));
    const auto d = bench.run([](const Bench::State&) { return true; });
    EXPECT_TRUE(d.at("failed").empty()) << d.at("failed").dump();
    std::vector<std::uint64_t> asked;
    for (const auto& w : script.asked())
        if (w.at("workload") == "idle" && w.at("ms") == 60'000) asked.push_back(w.at("at_once"));
    EXPECT_EQ(asked, (std::vector<std::uint64_t>{1, 100, 1000}));
    ASSERT_EQ(d.at("results").size(), 3u);
    for (const auto& r : d.at("results")) EXPECT_EQ(r.at("rounds").size(), 1u);
    auto again = or_throw(Bench::plan({script.program()}, {}, wish));
    const auto broken = again.run([](const Bench::State& s) { return s.what != "all idle"; });
    EXPECT_TRUE(!broken.at("complete") || broken.at("results").size() == 3u);
}

TEST(BenchPlan, many_sleepers_and_a_history_are_for_who_asks) {
    const Script script;
    const auto pieces = [&](const std::string& workload, std::vector<std::size_t> sizes = {}, bool full = false) {
        const auto b = Bench::plan({script.program()}, {},
                                   {.means = {"quick"}, .workloads = {workload}, .sizes = sizes, .full = full});
        return b ? b->pieces() : 0;
    };
    EXPECT_EQ(pieces("wakeup"), 1u + 3u);
    EXPECT_EQ(pieces("wakeup:many", {}, true), 4u);
    EXPECT_EQ(pieces("open"), 1u + 1u + 2u);
    EXPECT_EQ(pieces("open:history", {64, 1024}), 4u);
    EXPECT_EQ(pieces("open:history", {500'000}), 1u) << "a thousand of them are too much memory";
    auto bench =
        or_throw(Bench::plan({script.program()}, {}, {.means = {"quick"}, .workloads = {"wakeup:many"}, .rounds = 1}));
    (void)bench.run([](const Bench::State&) { return true; });
    std::multiset<unsigned> parties;
    for (const auto& w : script.asked())
        if (w.at("workload") == "wakeup:many") parties.insert(w.at("parties").get<unsigned>());
    EXPECT_EQ(parties, (std::multiset<unsigned>{2, 3, 9}));
    // What is asked of all takes no longer for them.
    auto quick = or_throw(Bench::plan({script.program()}, {}, {.means = {"quick"}, .rounds = 1}));
    (void)quick.run([](const Bench::State&) { return true; });
    EXPECT_EQ(std::ranges::count_if(script.asked(), [](const Json& w) { return w.at("workload") == "open:history"; }),
              0);
}

TEST(BenchPlan, broken_off_it_keeps_what_it_has) {
    const Script script;
    auto bench = or_throw(
        Bench::plan({script.program()}, {}, {.means = {"quick"}, .workloads = {"latency", "throughput"}, .rounds = 3}));
    const auto d = bench.run([](const Bench::State& s) { return s.done < 8; });
    EXPECT_FALSE(d.at("complete"));
    EXPECT_EQ(d.at("results").size(), 6u);
    std::size_t rounds = 0;
    for (const auto& r : d.at("results")) rounds += r.at("rounds").size();
    EXPECT_EQ(rounds, 8u);
}

TEST(BenchPlan, what_nobody_has_is_said_with_what_there_is) {
    const Script script;
    const auto wrong = Bench::plan({script.program()}, {}, {.workloads = {"speed"}});
    WYE_EXPECT_ERRC(Errc::not_found, wrong);
    EXPECT_NE(wrong.error().message().find("there are latency, "), std::string::npos);
    WYE_EXPECT_ERRC(Errc::not_found, Bench::plan({script.program()}, {}, {.means = {"quik"}}));
    WYE_EXPECT_ERRC(Errc::corrupt, Bench::plan({{{"/bin/echo", "no json:"}}}, {}, {}));
    WYE_EXPECT_ERRC(Errc::corrupt, Bench::plan({{{"/bin/echo", "[{}]", "#"}}}, {}, {}));
    EXPECT_FALSE(Bench::plan({{{"/bin/false"}}}, {}, {}));
}

TEST(BenchCompare, a_difference_is_more_than_the_rounds_differ_by) {
    auto a = document(), b = document();
    a["results"] = {row("better", 1000, .02), row("worse", 1000, .02), row("noisy", 1000, .4), row("level", 1000, .01),
                    row("gone", 5, 0)};
    b["results"] = {row("better", 800, .02), row("worse", 1200, .02), row("noisy", 1300, .4), row("level", 1020, .01),
                    row("new", 5, 0)};
    const auto c = or_throw(compare(a, b));
    ASSERT_EQ(c.rows.size(), 4u);
    using Verdict = Difference::Verdict;
    for (const auto& d : c.rows)
        EXPECT_EQ(d.verdict, d.means == "better"  ? Verdict::better
                             : d.means == "worse" ? Verdict::worse
                                                  : Verdict::noise)
            << d.means;
    EXPECT_EQ(c.rows[0].means, "noisy");  // the largest first
    EXPECT_EQ(c.only_before.size(), 1u);
    EXPECT_EQ(c.only_after.size(), 1u);
    a["results"] = b["results"] = Json::array({row("few", 5, 0)});
    a["results"][0]["at_once"] = 8, b["results"][0]["at_once"] = 64;
    EXPECT_EQ(or_throw(compare(a, b)).only_before, std::vector<std::string>{"few latency block 64 2 8 at once"});
    EXPECT_TRUE(c.warnings.empty());
}

TEST(BenchCompare, another_machine_is_said_and_another_file_refused) {
    auto a = document(), b = document();
    b["machine"]["cpu"] = "another";
    b["complete"] = false;
    b["floor"]["line_ns"] = 100.0;
    EXPECT_EQ(or_throw(compare(a, b)).warnings.size(), 3u);
    for (const auto* bad : {"1", "[]", "{}", R"({"schema": "wye.bench/2"})", R"({"schema": 3})",
                            R"({"schema": "wye.bench/1", "results": [{}]})"})
        WYE_EXPECT_ERRC(Errc::mismatch, compare(a, Json::parse(bad)));
}
