#include "measure/plan.hpp"

#include "wye/process/command.hpp"

#include "measure/trace.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto around = 45ms;  // that a piece of work takes beside what it measures: starting, connecting, ending
constexpr auto shortest = 8ms, longest = 60ms, longest_of_full = 300ms;
constexpr std::size_t most_kept = 64 << 20;  // bytes of a history, which some means keep twice
constexpr double too_much_steal = 5;         // percent: such a round is left out, if half of them stay

std::string now_text() {
    const auto now = std::time(nullptr);
    std::tm t{};
    gmtime_r(&now, &t);
    char text[32];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &t));
}

double median(std::vector<double> v) {
    if (v.empty()) return 0;
    std::ranges::sort(v);
    const auto m = v.size() / 2;
    return v.size() % 2 ? v[m] : (v[m - 1] + v[m]) / 2;
}

double spread(const std::vector<double>& v) {
    const auto m = median(v);
    return v.size() < 2 || m == 0 ? 0 : (*std::ranges::max_element(v) - *std::ranges::min_element(v)) / m;
}

std::vector<std::string> with(const Program& p, std::initializer_list<std::string> words) {
    auto argv = p.argv;
    argv.insert(argv.end(), words);
    return argv;
}

Result<Json> ask(const std::vector<std::string>& argv, Deadline d) {
    WYE_TRY(const auto out, Command(argv).err(Target::capture()).grace(200ms).run(d));
    if (!out.exit.ok()) {
        const auto said = last_line(out.err);
        return refuse(Errc::failed, said.empty() ? argv[0] + ": " + out.exit.text() : said);
    }
    auto j = Json::parse(out.out, nullptr, false);
    if (j.is_discarded()) return refuse(Errc::corrupt, argv[0] + ": answers no JSON");
    return j;
}

bool wanted(const std::vector<std::string>& list, std::string_view name) {
    return list.empty() || std::ranges::any_of(list, [&](const auto& w) {
               return w == name || (name.starts_with(w) && name.substr(w.size()).starts_with(':'));
           });
}

Json number(double v, int digits = 1) {
    if (!std::isfinite(v)) return nullptr;
    const double by = std::pow(10, digits);
    return std::round(v * by) / by;
}

// What is said of a distribution; about thirty points of it, closer to one another where it is about the few.
Json curve_of(const Histogram& h) {
    Json curve = Json::array();
    if (h.total() == 0) return curve;
    for (const double p :
         {0.,  1.,  5.,  10.,  20., 30.,  40.,  50.,  60.,  70.,  75.,   80.,   85.,   90.,   92.5, 95.,
          96., 97., 98., 98.5, 99., 99.3, 99.5, 99.7, 99.8, 99.9, 99.93, 99.95, 99.97, 99.98, 99.99})
        if ((100 - p) / 100 * static_cast<double>(h.total()) >= .5)
            curve.push_back({p, number(h.at(p / 100) / Taken::a_ns)});
    return curve;
}

// What is in a message, it must see.
bool needs_numbers(std::string_view workload) {
    return workload.starts_with("throughput") || workload.starts_with("crash:");
}

// Times and sizes as the others are; of what is counted the most.
Json more_of(const std::map<std::string, std::vector<double>>& rounds) {
    if (rounds.empty()) return nullptr;
    Json all = Json::object();
    for (const auto& [name, v] : rounds)
        all[name] = number(name.ends_with("_ns") || name.ends_with("_kib") ? median(v) : *std::ranges::max_element(v));
    return all;
}

double figure(const Work& w, const Taken& t) { return by_rate(w.workload) ? t.ns : t.times.middle() / Taken::a_ns; }

}  // namespace

Result<std::vector<Json>> means_of(const Program& p) {
    WYE_TRY(const auto list, ask(with(p, {"list"}), 30s));
    try {
        std::vector<Json> all;
        for (const auto& m : list) {
            for (const auto* text : {"name", "group", "version", "summary"}) (void)m.at(text).get<std::string>();
            (void)m.at("shapes").get<unsigned>(), (void)m.at("largest").get<std::uint64_t>();
            for (const auto* flag : {"polls", "carries", "lossless"}) (void)m.at(flag).get<bool>();
            all.push_back(m);
        }
        return all;
    } catch (const nlohmann::json::exception& e) {
        return refuse(Errc::corrupt, p.argv[0] + ": " + e.what());
    }
}

double Bench::Floor::f() const { return median(line); }
double Bench::Floor::w() const { return median(wake); }

// ---------------------------------------------------------------- which

Result<Bench> Bench::plan(const std::vector<Program>& programs, std::vector<Missing> missing, Wish wish) {
    Bench b;
    b.programs_ = programs;
    b.missing_ = std::move(missing);
    b.wish_ = wish;
    for (const auto& w : wish.workloads)
        if (!find_workload(w)) {
            std::string all;
            for (const auto& l : workloads()) all += (all.empty() ? "" : ", ") + std::string(l.name);
            return refuse(Errc::not_found, "no workload is called '" + w + "'; there are " + all);
        }
    for (const auto& p : b.programs_) {
        WYE_TRY(const auto list, means_of(p));
        for (const auto& m : list) {
            if (m.at("group") == "floor") {
                b.floor_program_ = &p;
                continue;
            }
            if (!wanted(wish.means, m.at("name").get<std::string>())) continue;
            b.means_.push_back(m);
            b.choose(b.means_.size() - 1, p, wish);
        }
    }
    std::erase_if(b.missing_, [&](const auto& m) { return !wanted(wish.means, m.name); });
    for (const auto& w : wish.means)
        if (std::ranges::none_of(b.means_,
                                 [&](const Json& m) { return wanted({w}, m.at("name").get<std::string>()); }) &&
            std::ranges::none_of(b.missing_, [&](const auto& m) { return wanted({w}, m.name); }))
            return refuse(Errc::not_found,
                          "nothing called '" + w + "' can be measured here; wye bench --list shows what can");
    if (b.cells_.empty() && b.missing_.empty()) return refuse(Errc::not_found, "none of these means does that");
    const auto apart = b.cells_.size() - static_cast<std::size_t>(std::ranges::count_if(b.cells_, sleeps));
    const auto each = wish.budget / std::max<std::size_t>(apart * wish.rounds, 1) - around;
    const auto time = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(each),
                                 std::chrono::milliseconds(shortest), wish.full ? longest_of_full : longest);
    for (auto& c : b.cells_)
        if (c.work.time.count() == 0) c.work.time = time;
    return b;
}

void Bench::add(std::size_t m, const Program& p, const Wish& wish, Work w) {
    const auto& means = means_[m];
    if (!wanted(wish.workloads, w.workload)) return;
    const auto& load = *find_workload(w.workload);
    if (!(means.at("shapes").get<unsigned>() & load.shape) || (load.needs & ~means.value("can", 0u))) return;
    const bool asks = load.shape == request;
    if (w.poll && !(asks ? (means.value("can", 0u) & looks) != 0 : means.at("polls").get<bool>())) return;
    if (w.workload == "idle" && w.at_once > 1 && !(means.value("can", 0u) & several)) return;
    if (const auto largest = means.at("largest").get<std::uint64_t>(); largest && w.size > largest) return;
    const bool carries = means.at("carries");
    if (!carries && (needs_numbers(w.workload) || w.size > 64)) return;
    w.means = means.at("name");
    cells_.push_back({.program = &p, .means = m, .work = std::move(w)});
}

void Bench::choose(std::size_t m, const Program& p, const Wish& wish) {
    const bool full = wish.full;
    using Sizes = std::vector<std::size_t>;
    const auto sizes = [&](const Sizes& quick, const Sizes& all) {
        return !wish.sizes.empty() ? wish.sizes : full ? all : quick;
    };
    const Sizes all{8, 32, 64, 128, 256, 1024, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20, 16 << 20};
    const Sizes one{64}, small(all.begin(), all.begin() + 9);
    const auto put = [&](const std::string& workload, Work w) {
        w.workload = workload, w.time = w.time == 25ms ? 0ms : w.time;
        add(m, p, wish, std::move(w));
    };
    for (const auto s : sizes(one, all)) put("latency", {.poll = true, .size = s});
    for (const auto s : sizes({64, 4096}, small)) put("latency", {.size = s});
    for (const auto s : sizes({64, 4096, 1 << 20}, all)) put("throughput", {.size = s});
    const bool asked = !wish.workloads.empty();
    for (const auto gap : full ? std::vector<std::chrono::nanoseconds>{10us, 100us, 1ms, 10ms, 100ms}
                               : std::vector<std::chrono::nanoseconds>{1ms})
        for (const auto s : sizes(one, one))
            put("wakeup",
                {.size = s,
                 .gap = gap,
                 .time = gap >= 10ms ? std::chrono::duration_cast<std::chrono::milliseconds>(10 * gap) : 25ms});
    for (const double r : full ? std::vector{100., 1e3, 1e4, 1e5} : std::vector{1e4})
        for (const auto s : sizes(one, one)) put("rate", {.size = s, .rate = r, .time = r < 1e3 ? 300ms : 25ms});
    for (const unsigned n : full ? std::vector{1u, 2u, 4u, 8u, 16u} : std::vector{1u, 8u})
        for (const auto s : sizes(one, {64, 4096})) put("fanout", {.size = s, .parties = n + 1});
    for (const unsigned n : full ? std::vector{1u, 2u, 4u, 8u, 16u} : std::vector{4u})
        for (const auto s : sizes(one, {64, 1024})) put("queue", {.size = s, .parties = n + 1});
    for (const unsigned n : full ? std::vector{1u, 4u, 16u} : std::vector{1u})
        for (const auto s : sizes(one, one)) put("request", {.size = s, .parties = n + 1});
    if (!full && !asked) return;
    for (const auto s : sizes(one, one)) put("request", {.poll = true, .size = s});
    for (const unsigned n : full ? std::vector{1u, 2u, 8u, 64u} : std::vector{1u, 2u, 8u})
        for (const auto s : sizes(one, one)) put("wakeup:many", {.size = s, .parties = n + 1, .gap = 5ms});
    for (const std::uint64_t n : {8u, 64u})
        for (const auto s : sizes(one, {64, 1024})) put("throughput:batch", {.size = s, .at_once = n});
    for (const std::uint64_t n : {1u, 16u})
        for (const auto s : sizes(one, one)) put("request:flight", {.size = s, .at_once = n});
    for (const auto s : sizes({64, 1 << 20}, {64, 4096, 65536, 1 << 20})) put("request:answer", {.size = s});
    put("open", {.size = 64});
    put("open:attach", {.size = 64});
    for (const std::uint64_t n : {100u, 1000u})
        for (const auto s : sizes(one, {64, 1024}))
            if (n * s <= most_kept) put("open:history", {.size = s, .at_once = n});
    put("crash", {.size = 64});
    // Of the kernel's own it is what the rooms have.
    if (means_[m].at("group") != "kernel")
        for (const std::string who : {"crash:sender", "crash:receiver"}) {
            for (const auto* how : {"", ":zombie", ":pidns"}) put(who + how, {.size = 64});
            put(who + ":stopped", {.size = 64, .gap = 50ms});
            // Others' libraries make what they like where they like, and nobody cleans up after another user.
            if (means_[m].at("group") == "wye") put(who + ":user", {.size = 64});
        }
    for (const auto s : sizes({64, 4096}, {64, 4096, 65536, 1 << 20})) put("loan", {.size = s});
    for (const auto s : sizes({64, 4096}, {64, 4096, 65536})) put("loan:worn", {.size = s});
    for (const unsigned n : {1u, 8u, 32u}) put("growth", {.size = 64, .parties = n + 1});
    for (const std::uint64_t n : full ? std::vector{1u, 100u, 1000u} : std::vector{1u, 100u})
        put("growth:channels", {.size = 64, .at_once = n});
    for (const std::uint64_t n : full ? std::vector{1u, 100u, 1000u} : std::vector{1u, 100u})
        put("idle", {.size = 64, .at_once = n, .time = full ? 60s : 500ms});
    const auto processors = describe_machine().at("processors").get<unsigned>();
    put("crowd", {.size = 64, .parties = std::min(4 * processors, 32u) + 1});
    put("video", {.size = 24'000'000, .parties = 4, .rate = 60, .time = 500ms});
}

// ---------------------------------------------------------------- doing it

void Bench::measure(Cell& c) {
    // It will not do next time what it could not do, or says that it does not.
    if (!c.trouble.empty() || sleeps(c)) return;
    if (!c.rounds.empty() && find_workload(c.work.workload)->once) return;
    if (!c.rounds.empty() && c.rounds[0].messages == 0 && !c.rounds[0].note.empty()) return;
    const auto answer = ask(with(*c.program, {"run", to_json(c.work).dump()}), c.work.time * 4 + 20s);
    auto taken = answer ? taken_from(*answer) : Result<Taken>(std::unexpected(answer.error()));
    if (taken)
        c.rounds.push_back(std::move(*taken));
    else
        c.trouble = taken.error().message();
}

void Bench::measure_floor() {
    if (!floor_program_) return;
    const auto once = [&](const char* name, bool poll) {
        const Work w{.means = name, .poll = poll, .time = 10ms};
        const auto answer = ask(with(*floor_program_, {"run", to_json(w).dump()}), 20s);
        const auto t = answer ? taken_from(*answer) : Result<Taken>(std::unexpected(answer.error()));
        return t ? t->times.middle() / Taken::a_ns : 0.;
    };
    const double line = once("floor:line", true), pause = once("floor:pause", true), wake = once("floor:wake", false);
    if (line > 0 && pause > 0) floor_.line.push_back(std::min(line, pause));
    if (wake > 0) floor_.wake.push_back(wake);
}

// Between so many messages and three times as many lies what the messages took.
void Bench::count_calls(const GoOn& go_on, std::size_t& done, std::size_t all) {
    for (auto& c : cells_) {
        if (c.rounds.empty() || c.work.poll || c.work.size != 64) continue;
        if (c.work.workload != "latency" && !(wish_.full && c.work.workload == "throughput")) continue;
        if (!go_on({done, all, "system calls", 0})) return;
        double calls[2] = {};
        bool well = true;
        for (const int i : {0, 1}) {
            auto w = c.work;
            w.messages = i ? 300 : 100;
            const auto n = measure::count_calls(with(*c.program, {"run", to_json(w).dump()}), 10);
            if (!n) {
                well = false;
                break;
            }
            calls[i] = static_cast<double>(*n);
        }
        // To and fro, and a tenth of them before that do not count.
        const double messages = (c.work.workload == "latency" ? 2 : 1) * 200 * 1.1;
        if (well) c.calls = std::max(0., (calls[1] - calls[0]) / messages);
    }
}

Json Bench::run(const GoOn& go_on) {
    const auto begin = Clock::now();
    const auto busy = Busy::now();
    const auto own = own_seconds();
    const auto all = cells_.size() * wish_.rounds;
    std::size_t done = 0;
    bool complete = true;
    double asleep = 0;  // seconds, when all else is done
    for (const auto& c : cells_)
        if (sleeps(c)) asleep = std::max(asleep, std::chrono::duration<double>(c.work.time).count());
    const auto left = [&] {
        const auto took = std::chrono::duration<double>(Clock::now() - begin).count();
        const double rest = done ? took / static_cast<double>(done) * static_cast<double>(all - done)
                                 : std::chrono::duration<double>(wish_.budget).count();
        return rest + asleep;
    };
    for (unsigned r = 0; r < wish_.rounds && complete; ++r) {
        const auto before = Busy::now();
        measure_floor();
        for (std::size_t i = 0; i < cells_.size(); ++i) {
            // Each round begins elsewhere, and every other goes backward: nobody always comes after the same.
            const auto turned = (i + r * cells_.size() / wish_.rounds) % cells_.size();
            auto& c = cells_[r % 2 ? cells_.size() - 1 - turned : turned];
            const auto what = c.work.means + " " + c.work.workload;
            if (!(complete = go_on({done, all, what, left()}))) break;
            measure(c);
            ++done;
            if (i == cells_.size() / 2) measure_floor();
        }
        steal_.push_back(Busy::now().since(before).steal_percent());
    }
    if (complete) complete = all_asleep([&](std::string_view what) { return go_on({done, all, what, left()}); });
    if (complete) count_calls(go_on, done, all);
    const auto seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    return document(seconds, complete, Busy::now().since(busy), own_seconds() - own);
}

// ---------------------------------------------------------------- what came of it

Json Bench::row(const Cell& c) const {
    const auto& w = c.work;
    std::vector<Taken> rounds = c.rounds;
    if (rounds.size() == steal_.size()) {
        std::vector<Taken> calm;
        for (std::size_t i = 0; i < rounds.size(); ++i)
            if (steal_[i] <= too_much_steal) calm.push_back(rounds[i]);
        if (2 * calm.size() >= rounds.size()) rounds = std::move(calm);
    }
    Taken t;
    std::vector<double> figures, cpu, switches, ns;
    std::map<std::string, std::vector<double>> more;
    for (const auto& r : rounds) {
        for (const auto& [name, v] : r.more) more[name].push_back(v);
        t.times.add(r.times);
        t.messages += r.messages, t.lost += r.lost;
        if (!r.note.empty()) t.note = r.note;
        figures.push_back(figure(w, r)), ns.push_back(r.ns), cpu.push_back(r.cpu_ns), switches.push_back(r.switches);
    }
    const auto at = [&](double part) {
        return t.times.total() ? number(t.times.at(part) / Taken::a_ns) : Json(nullptr);
    };
    const double each = median(ns), f = floor_.f(), usual = t.times.middle() / Taken::a_ns;
    const double mid = by_rate(w.workload) ? each : usual;
    const bool counts = each > 0;
    Json all = Json::array();
    for (const double v : figures) all.push_back(number(v));
    const bool waits = w.workload == "latency" || w.workload == "rate";
    return {{"means", w.means},
            {"workload", w.workload},
            {"wait", waits || w.poll ? Json(w.poll ? "poll" : "block") : Json(nullptr)},
            {"size", w.size},
            {"parties", w.parties},
            {"rate", w.rate > 0 ? Json(w.rate) : Json(nullptr)},
            {"at_once", w.at_once ? Json(w.at_once) : Json(nullptr)},
            {"gap_ns", w.gap.count() ? Json(w.gap.count()) : Json(nullptr)},
            {"messages", t.messages},
            {"p50", t.times.total() ? number(usual) : Json(nullptr)},
            {"p90", at(.9)},
            {"p99", at(.99)},
            {"p99_9", at(.999)},
            {"p99_99", at(.9999)},
            {"max", t.times.total() ? number(static_cast<double>(t.times.largest()) / Taken::a_ns) : Json(nullptr)},
            {"mean", t.times.total() ? number(t.times.mean() / Taken::a_ns) : Json(nullptr)},
            {"per_second", counts ? number(1e9 / each) : Json(nullptr)},
            {"bytes_per_second", counts ? number(1e9 / each * static_cast<double>(w.size)) : Json(nullptr)},
            {"ns", counts ? number(each, 2) : Json(nullptr)},
            {"of_floor", f > 0 && mid > 0 ? number(mid / f, 2) : Json(nullptr)},
            {"spread", number(spread(figures), 3)},
            {"rounds", all},
            {"cpu_ns", number(median(cpu))},
            {"syscalls", c.calls >= 0 ? number(c.calls, 2) : Json(nullptr)},
            {"switches", number(median(switches), 2)},
            {"lost", t.lost},
            {"more", more_of(more)},
            {"curve", curve_of(t.times)},
            {"note", t.note.empty() ? Json(nullptr) : Json(t.note)}};
}

Json Bench::document(double seconds, bool complete, const Busy& busy, double own) const {
    Json means = Json::array(), results = Json::array(), failed = Json::array(), said = Json::array();
    for (const auto& m : means_)
        means.push_back({{"name", m.at("name")},
                         {"group", m.at("group")},
                         {"version", m.at("version").get<std::string>().empty() ? Json(nullptr) : m.at("version")},
                         {"missing", nullptr},
                         {"summary", m.at("summary")}});
    for (const auto& m : missing_)
        means.push_back(
            {{"name", m.name}, {"group", m.group}, {"version", nullptr}, {"missing", m.why}, {"summary", ""}});
    double worst = 0;
    for (const auto& c : cells_) {
        if (!c.rounds.empty()) {
            results.push_back(row(c));
            const double s = results.back().at("spread");
            worst = std::max(worst, s);
            if (s > .5)
                said.push_back(c.work.means + " " + c.work.workload + " " + std::to_string(c.work.size) +
                               ": rounds differ by " + std::to_string(std::lround(s * 100)) + " %");
        }
        if (!c.trouble.empty())
            failed.push_back({{"means", c.work.means},
                              {"workload", c.work.workload},
                              {"size", c.work.size},
                              {"parties", c.work.parties},
                              {"why", c.trouble}});
    }
    for (std::size_t i = 0; i < steal_.size(); ++i)
        if (steal_[i] > too_much_steal)
            said.push_back("round " + std::to_string(i + 1) + ": the host took " +
                           std::to_string(std::lround(steal_[i])) + " % of the processors");
    const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    const double all = static_cast<double>(std::max<std::uint64_t>(busy.all, 1)) / ticks;
    const double others = std::max(0., static_cast<double>(busy.busy) / ticks - own);
    return {{"schema", "wye.bench/1"},
            {"made", now_text()},
            {"wye", WYE_VERSION},
            {"mode", wish_.full                                                                 ? "full"
                     : !wish_.means.empty() || !wish_.workloads.empty() || !wish_.sizes.empty() ? "own"
                                                                                                : "quick"},
            {"seconds", number(seconds)},
            {"complete", complete},
            {"machine", describe_machine()},
            {"floor",
             {{"line_ns", number(floor_.f(), 2)},
              {"line_spread", number(spread(floor_.line), 3)},
              {"wake_ns", number(floor_.w())},
              {"wake_spread", number(spread(floor_.wake), 3)}}},
            {"rounds", wish_.rounds},
            {"noise",
             {{"steal_percent", number(busy.steal_percent(), 2)},
              {"busy_percent", number(100 * others / all)},
              {"worst_spread", number(worst, 3)},
              {"said", said}}},
            {"means", means},
            {"results", results},
            {"failed", failed}};
}

}  // namespace wye::measure
