// wye top: what there is, who holds it and what changes, live.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "os/limits/limit.hpp"
#include "os/snapshot/snapshot.hpp"
#include "registry/inventory.hpp"
#include "terminal.hpp"
#include "top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Options {
    std::vector<std::string> kinds, filters;
    std::string interval = "1s", user, sort;
    std::optional<std::int32_t> pid;
    std::uint64_t rounds = 0;
    bool batch = false, json = false;
};

constexpr double warn = 80;         // per cent of a limit, from where it is near
constexpr auto limits_every = 30s;  // looking at them costs as much as ten looks at the objects

class Looker {
public:
    void look(TopModel& m) {
        seen_ = sys::take_snapshot(std::move(seen_));
        auto all = take_inventory(seen_);
        const auto now = Clock::now();
        m.take(seen_, std::move(all), last_ == Clock::time_point{} ? 0ns : now - last_);
        last_ = now;
        if (limits_ == Clock::time_point{} || now - limits_ >= limits_every) look_at_limits(m), limits_ = now;
    }

private:
    static void look_at_limits(TopModel& m) {
        const auto survey = sys::survey(false);
        if (!survey) return;
        std::vector<NearLimit> near;
        for (const auto& e : survey->entries)
            if (const auto percent = e.reading.part() * 100; percent >= warn)
                near.push_back({e.limit->name, e.reading.where, percent});
        std::ranges::sort(near, {}, [](const NearLimit& l) { return -l.percent; });
        m.take_limits(std::move(near));
    }
    sys::Snapshot seen_;
    Clock::time_point last_{}, limits_{};
};

int complain(const std::string& what) { return usage_error("top", what); }

int choose(const Options& o, const std::vector<Column<Item>>& columns, TopWanted& w) {
    const auto known = inventory_kinds();
    for (const auto& k : o.kinds)
        if (std::ranges::find(known, k) == known.end())
            return complain(fmt::format("no kind \"{}\"; as in: wye top posix-shm unix", escape(k)));
    w.kinds = o.kinds;
    if (!o.user.empty() && !(w.uid = user_id(o.user)))
        return complain(fmt::format("--user={}: no such user", escape(o.user)));
    for (const auto& text : o.filters) {
        auto f = Filter::parse(text, columns);
        if (!f) return complain("--filter: " + f.error());
        w.filters.push_back(std::move(*f));
    }
    return exit_ok;
}

int no_such(std::int32_t pid) {
    fmt::print(stderr, "wye: top: {}: no such process\n", pid);
    return view_error;
}

int batch(const Options& o, TopModel& m, Looker& looker, std::chrono::nanoseconds interval) {
    auto next = Clock::now();
    for (std::uint64_t n = 1; !interrupted(); ++n) {
        looker.look(m);
        if (n == 1 && o.pid && !m.follow(*o.pid)) return no_such(*o.pid);
        const TopMoment at{.round = n, .interval = o.interval};
        put(o.json ? top_line(m, at) : top_text(m, at));
        if (flush_output() != 0) return exit_ok;  // the main program says why, where it is not a closed pipe
        if (n == o.rounds) break;
        next = std::max(next + std::chrono::duration_cast<Clock::duration>(interval), Clock::now());
        while (Clock::now() < next && !interrupted())
            std::this_thread::sleep_for(std::min<Clock::duration>(next - Clock::now(), 100ms));
    }
    return finish(exit_ok);
}

int on_screen(const Options& o, TopModel& m, Looker& looker, std::chrono::nanoseconds interval) {
    looker.look(m);
    if (o.pid && !m.follow(*o.pid)) return no_such(*o.pid);
    const auto wrong = run_top_screen(
        m, {.interval = interval, .rounds = o.rounds, .look = [&](TopModel& model) { looker.look(model); }});
    if (wrong.empty()) return finish(exit_ok);
    fmt::print(stderr, "wye: top: {}; wye top --batch prints plain text\n", wrong);
    return view_error;
}

int run(const Options& o) {
    const auto interval = duration_of("top", "--interval", o.interval);
    if (!interval) return exit_usage;
    if (*interval < 10ms) return complain("--interval: at least 10ms");
    const auto columns = item_columns();
    TopWanted wanted;
    if (const int bad = choose(o, columns, wanted); bad != exit_ok) return bad;
    TopModel model(std::move(wanted));
    if (!o.sort.empty()) {
        const auto* c = model.column(o.sort);
        if (!c) return complain(fmt::format("--sort: no column \"{}\"; as in: wye top --sort size", escape(o.sort)));
        model.sort_by(c);
    }
    catch_signals();
    Looker looker;
    if (o.batch || o.json || !stdout_is_terminal()) return batch(o, model, looker, *interval);
    return on_screen(o, model, looker, *interval);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("kind", o->kinds, "only these kinds, as wye ls has them");
    app.add_option("--interval", o->interval, "from one look to the next (1s)");
    app.add_option("-n,--rounds", o->rounds, "ends after so many looks; 0: never");
    app.add_option("--user", o->user, "only what this user owns")->type_name("NAME|UID");
    app.add_option("--filter", o->filters, "as size>1M, or: age>10m and name~job (= != < <= > >= ~)")
        ->type_name("EXPR")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    app.add_option("--sort", o->sort, "by a column of wye ls, by state, or by change")->type_name("COLUMN");
    app.add_option("--pid", o->pid, "only what this process holds or waits for")->positive();
    app.add_flag("-b,--batch", o->batch, "plain text, a look after the other; so it is where there is no terminal");
    app.add_flag("--json,--jsonl", o->json, "a JSON document a line, schema wye.top/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command top_command;
const Command top_command{.name = "top",
                          .arguments = "[KIND]...",
                          .summary = "everything live: who holds it, what changes, how fast",
                          .examples =
                              "wye top\n"
                              "wye top --sort change posix-mq sysv-mq   # h shows the keys\n"
                              "wye top --pid $$\n"
                              "wye top --batch -n 2 --interval 5s >looks",
                          .define = define};

}  // namespace wye::cli
