// wye watch: what comes, goes, is left alone or runs out, a line each, from now on.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "os/limits/limit.hpp"
#include "os/snapshot/snapshot.hpp"
#include "registry/inventory.hpp"
#include "registry/verdict.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> kinds;
    std::string interval = "1s", age = "10m";
    std::uint64_t rounds = 0;
    unsigned warn = 80;
    bool jsonl = false;
};

struct Known {
    Item item;
    Verdict verdict = Verdict::no_matter;
    bool orphan() const noexcept { return verdict == Verdict::proven || verdict == Verdict::likely; }
};
using Key = std::tuple<std::string_view, Identity, std::string>;  // kind and name with it: an identity may be had again
using World = std::map<Key, Known>;

class Watcher {
public:
    Watcher(const Options& o, std::chrono::seconds age, std::vector<Rule> rules)
        : o_(o), age_(age), rules_(std::move(rules)) {}

    /// Looks again, and tells what is another than the last time. False when nobody can be told any more.
    bool look() {
        auto now = world();
        if (!first_) {
            for (const auto& [key, k] : world_)
                if (!now.contains(key)) tell("vanished", k);
            for (const auto& [key, k] : now) compare(world_.find(key), k);
        }
        world_ = std::move(now);
        limits();
        first_ = false;
        return !broken_;
    }

private:
    World world() {
        const auto seen = sys::take_snapshot();
        auto all = take_inventory(seen);
        World w;
        for (auto& item : all.items) {
            if (!o_.kinds.empty() && std::ranges::find(o_.kinds, item.kind) == o_.kinds.end()) continue;
            const Key key(item.kind, item.identity, item.name);
            // What is an orphan stays one until somebody has it; the kernel is not asked again.
            const auto before = world_.find(key);
            const bool known = before != world_.end() && before->second.orphan() && !item.held();
            const auto verdict = known ? before->second.verdict : judge(item, all, seen, rules_, age_).verdict;
            w.try_emplace(key, Known{std::move(item), verdict});
        }
        return w;
    }
    void compare(World::const_iterator before, const Known& k) {
        const bool is_new = before == world_.end();
        if (is_new)
            tell("appeared", k);
        else if (before->second.item.held() != k.item.held())
            tell(k.item.held() ? "held" : "let_go", k);
        if (k.orphan() && (is_new || !before->second.orphan())) tell("orphaned", k);
    }
    // Where a use has crossed the line since the last look, either way.
    void limits() {
        const auto survey = sys::survey(false);
        if (!survey) return;
        for (const auto& e : survey->entries) {
            const auto part = e.reading.part() * 100;
            if (part < 0) continue;
            const auto key = fmt::format("{} {}", e.limit->name, e.reading.where);
            const bool over = part >= o_.warn, was = over_[key];
            over_[key] = over;
            if (over == was || (first_ && !over)) continue;
            write(over ? "limit" : "limit_over", fmt::format("{} {}, {:.0f} %", e.limit->name, e.reading.where, part),
                  [&] { return Json{{"name", e.limit->name}, {"where", e.reading.where}, {"percent", part}}; });
        }
    }
    void tell(const char* event, const Known& k) {
        const bool orphaned = k.orphan() && event == std::string_view("orphaned");
        write(event,
              fmt::format("{} {}{}", k.item.kind, k.item.name, orphaned ? fmt::format(", {}", name(k.verdict)) : ""),
              [&] {
                  auto what = json_of(k.item);
                  if (orphaned) what["verdict"] = name(k.verdict);
                  return what;
              });
    }
    void write(const char* event, const std::string& text, const std::function<Json()>& what) {
        timespec t{};
        ::clock_gettime(CLOCK_REALTIME, &t);
        if (o_.jsonl)
            put(dumped({{"schema", "wye.watch/1"},
                        {"event", event},
                        {"time_ns", std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec},
                        {"what", what()}}) +
                "\n");
        else
            put(fmt::format("{:<10} {}\n", event, escape(text)));
        broken_ |= flush_output() != 0;
    }

    const Options& o_;
    std::chrono::seconds age_;
    std::vector<Rule> rules_;
    World world_;
    std::map<std::string, bool> over_;
    bool first_ = true, broken_ = false;
};

int run(const Options& o) {
    using namespace std::chrono_literals;
    const auto interval = duration_of("watch", "--interval", o.interval), age = duration_of("watch", "--age", o.age);
    if (!interval || !age) return exit_usage;
    if (*interval < 10ms) return usage_error("watch", "--interval: at least 10ms");
    for (const auto& k : o.kinds)
        if (const auto known = inventory_kinds(); std::ranges::find(known, k) == known.end())
            return usage_error("watch", fmt::format("no kind \"{}\"; as in: wye watch posix-shm", escape(k)));
    auto rules = read_rules();
    if (!rules) return report("watch", rules.error());
    catch_signals();
    Watcher watcher(o, std::chrono::duration_cast<std::chrono::seconds>(*age), std::move(*rules));
    for (std::uint64_t n = 0; (o.rounds == 0 || n <= o.rounds) && !interrupted(); ++n) {
        if (!watcher.look()) break;  // main() says why
        for (auto left = *interval; left > 0ns && !interrupted() && (o.rounds == 0 || n < o.rounds); left -= 50ms)
            if (reader_is_gone(std::min<std::chrono::nanoseconds>(left, 50ms))) return finish(exit_ok);
    }
    return finish(exit_ok);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("kind", o->kinds, "only these kinds, as wye ls has them");
    app.add_option("--interval", o->interval, "from one look to the next (1s)");
    app.add_option("--rounds", o->rounds, "ends after so many looks at what is new; 0: never");
    app.add_option("--age", o->age, "how long what is orphaned must have been left alone (10m)");
    app.add_option("--warn", o->warn, "tells of a limit that is used to so many per cent (80)")->between(1, 100);
    app.add_flag("--jsonl", o->jsonl, "a JSON document a line, schema wye.watch/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command watch_command;
const Command watch_command{.name = "watch",
                            .arguments = "[KIND]...",
                            .summary = "what comes, goes, is let go, is orphaned or runs out, as it happens",
                            .examples =
                                "wye watch\n"
                                "wye watch --jsonl posix-shm sysv-shm >>changes\n"
                                "wye watch --interval 5s --warn 90",
                            .define = define};

}  // namespace wye::cli
