// wye wait: who sleeps for what, who could end it, and who waits for each other in a ring.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "registry/waits.hpp"
#include "terminal.hpp"
#include "wait_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace wye::cli {
namespace {

struct Options {
    std::optional<std::int32_t> pid;
    bool cycles = false, sure = false, json = false;
};

std::vector<Column<Wait>> columns() {
    using C = Column<Wait>;
    return {C{"waiter", "WAITER", [](const Wait& w) { return waiter_of(w); }},
            C{"what", "IN", [](const Wait& w) { return std::string(w.who.what); }},
            C{"object", "FOR", [](const Wait& w) { return object_of(w); }},
            C{"use", "USE", [](const Wait& w) { return escape(w.item->use); }},
            C{"by", "UNTIL", [](const Wait& w) { return cured_by(w); }},
            C{"stuck", "STUCK", [](const Wait& w) { return w.stuck          ? "for ever"
                                                           : w.likely_stuck ? "likely"
                                                                            : "-"; }}};
}

// "deadlock: a[1] flock /tmp/x -> b[2] read pipe:[9] -> a[1]"
std::string cycle_line(const std::vector<Wait>& all, const Ring& ring) {
    std::string text = ring.sure ? "deadlock: " : "likely deadlock: ";
    for (const auto i : ring.waits) {
        text += fmt::format("{} {} {}", waiter_of(all[i]), all[i].who.what, name_of(all[i]));
        text += all[i].by_last ? fmt::format(" ({} by) -> ", last_did(all[i])) : " -> ";
    }
    const auto& first = all[ring.waits[0]].who;
    return text + named(first.comm, first.pid);
}

Json json_of(const Wait& w) {
    Json by = Json::array();
    for (const auto* h : w.by) by.push_back({{"pid", h->pid}, {"start", h->start}, {"comm", h->comm}});
    return {{"pid", w.who.pid},
            {"tid", w.who.tid},
            {"comm", w.who.comm},
            {"in", w.who.what},
            {"part", w.who.part < 0 ? Json(nullptr) : Json(w.who.part)},
            {"deadline", w.who.timed},
            {"object", cli::json_of(*w.item)},
            {"until", std::move(by)},
            {"all_of_them", w.all},
            {"nobody_else", w.sure},
            {"by_last_use", w.by_last},
            {"stuck", w.stuck},
            {"likely_stuck", w.likely_stuck}};
}

void print_json(const Inventory& seen, const std::vector<Wait>& all, const std::vector<std::size_t>& shown,
                const std::vector<Ring>& rings) {
    Json document{{"schema", "wye.wait/1"}, {"waits", Json::array()}, {"cycles", Json::array()}};
    for (const auto i : shown) document["waits"].push_back(json_of(all[i]));
    for (const auto& ring : rings) {
        Json pids = Json::array();
        for (const auto i : ring.waits) pids.push_back(all[i].who.pid);
        document["cycles"].push_back({{"sure", ring.sure}, {"pids", std::move(pids)}});
    }
    document["coverage"] = cli::json_of(seen.coverage);
    page_out(dumped(document, 2) + "\n");
}

void print_table(const Options& o, const Inventory& seen, const std::vector<Wait>& all,
                 const std::vector<std::size_t>& shown, const std::vector<Ring>& rings) {
    std::string out;
    if (!o.cycles) {
        std::vector<Wait> rows;
        for (const auto i : shown) rows.push_back(all[i]);
        const auto text = to_lines(rows, columns());
        for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    }
    for (const auto& ring : rings) out += styled(cycle_line(all, ring), ring.sure ? "31" : "33") + "\n";
    out += fmt::format("{}. Took {}.\n", coverage_line(seen.coverage),
                       human_time(static_cast<double>(seen.coverage.took)));
    page_out(out);
}

int run(const Options& o) {
    const auto seen = take_inventory();
    const auto all = waits_in(seen);
    auto rings = rings_in(all);
    const auto asked = [&](const Wait& w) {
        return !o.pid || w.who.pid == *o.pid ||
               std::ranges::any_of(w.by, [&](const Holder* h) { return h->pid == *o.pid; });
    };
    std::erase_if(rings, [&](const Ring& ring) {
        return (o.sure && !ring.sure) || std::ranges::none_of(ring.waits, [&](std::size_t i) { return asked(all[i]); });
    });
    const auto stuck = [&](const Wait& w) { return w.stuck || (w.likely_stuck && !o.sure); };
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (asked(all[i]) && (!o.cycles || stuck(all[i]))) shown.push_back(i);
    std::ranges::sort(shown, {}, [&](std::size_t i) { return std::tuple(!all[i].stuck, !all[i].likely_stuck, i); });
    if (o.json)
        print_json(seen, all, shown, rings);
    else
        print_table(o, seen, all, shown, rings);
    return view_exit(seen.coverage, o.cycles ? !rings.empty() : !shown.empty());
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("--pid", o->pid, "only what this process waits for, or could end")->positive();
    auto* cycles = app.add_flag("--cycles", o->cycles, "only those who wait for each other in a ring");
    app.add_flag("--sure", o->sure, "of these only where nobody else could end it: locks and pipes")->needs(cycles);
    app.add_flag("--json", o->json, "one document, schema wye.wait/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command wait_command;
const Command wait_command{.name = "wait",
                           .arguments = "",
                           .summary = "who sleeps for what, who could end it, and deadlocks",
                           .examples =
                               "wye wait\n"
                               "wye wait --cycles          # exit code 1 when there is a deadlock, or likely is\n"
                               "wye wait --cycles --sure   # 1 only where it is certain\n"
                               "wye wait --pid $$",
                           .define = define};

}  // namespace wye::cli
