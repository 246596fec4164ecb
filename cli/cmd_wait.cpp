// wye wait: who sleeps for what, who could end it, and who waits for each other in a ring.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "registry/waits.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::optional<std::int32_t> pid;
    bool cycles = false;
    bool json = false;
};

std::string named(const std::string& comm, std::int32_t pid) { return fmt::format("{}[{}]", escape(comm), pid); }

std::string waiter_of(const Wait& w) {
    auto text = named(w.who.comm, w.who.pid);
    return w.who.tid == w.who.pid ? text : text + fmt::format(" thread {}", w.who.tid);
}
std::string object_of(const Wait& w) { return fmt::format("{} {}", w.item->kind, escape(w.item->name)); }

// "a[1] b[2] +3"; "?" stands for whom nobody sees, or whoever opens its name.
std::string cured_by(const Wait& w) {
    std::string text;
    for (std::size_t i = 0; i < w.by.size() && i < 3; ++i)
        text += (i == 0 ? "" : " ") + named(w.by[i]->comm, w.by[i]->pid);
    if (w.by.size() > 3) text += fmt::format(" +{}", w.by.size() - 3);
    if (!w.sure) text += text.empty() ? "?" : " ?";
    return text.empty() ? "nobody" : text;
}

std::vector<Column<Wait>> columns() {
    using C = Column<Wait>;
    return {C{"waiter", "WAITER", [](const Wait& w) { return waiter_of(w); }},
            C{"what", "IN", [](const Wait& w) { return std::string(w.who.what); }},
            C{"object", "FOR", [](const Wait& w) { return object_of(w); }},
            C{"use", "USE", [](const Wait& w) { return escape(w.item->use); }},
            C{"by", "UNTIL", [](const Wait& w) { return (w.all && w.by.size() > 1 ? "all of " : "") + cured_by(w); }},
            C{"stuck", "STUCK", [](const Wait& w) { return w.stuck ? "for ever" : "-"; }}};
}

// "deadlock: a[1] flock /tmp/x -> b[2] read pipe:[9] -> a[1]"
std::string cycle_line(const std::vector<Wait>& all, const std::vector<std::size_t>& ring) {
    std::string text = "deadlock: ";
    for (const auto i : ring)
        text += fmt::format("{} {} {} -> ", waiter_of(all[i]), all[i].who.what, escape(all[i].item->name));
    return text + named(all[ring[0]].who.comm, all[ring[0]].who.pid);
}

Json json_of(const Wait& w) {
    Json by = Json::array();
    for (const auto* h : w.by) by.push_back({{"pid", h->pid}, {"start", h->start}, {"comm", h->comm}});
    return {{"pid", w.who.pid},
            {"tid", w.who.tid},
            {"comm", w.who.comm},
            {"in", w.who.what},
            {"object", cli::json_of(*w.item)},
            {"until", std::move(by)},
            {"all_of_them", w.all},
            {"nobody_else", w.sure},
            {"stuck", w.stuck}};
}

void print_json(const Inventory& seen, const std::vector<Wait>& all, const std::vector<std::size_t>& shown,
                const std::vector<std::vector<std::size_t>>& rings) {
    Json document{{"schema", "wye.wait/1"}, {"waits", Json::array()}, {"cycles", Json::array()}};
    for (const auto i : shown) document["waits"].push_back(json_of(all[i]));
    for (const auto& ring : rings) {
        Json pids = Json::array();
        for (const auto i : ring) pids.push_back(all[i].who.pid);
        document["cycles"].push_back(std::move(pids));
    }
    document["coverage"] = cli::json_of(seen.coverage);
    page_out(dumped(document, 2) + "\n");
}

void print_table(const Options& o, const Inventory& seen, const std::vector<Wait>& all,
                 const std::vector<std::size_t>& shown, const std::vector<std::vector<std::size_t>>& rings) {
    std::string out;
    if (!o.cycles) {
        std::vector<Wait> rows;
        for (const auto i : shown) rows.push_back(all[i]);
        const auto text = to_lines(rows, columns());
        for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    }
    for (const auto& ring : rings) out += styled(cycle_line(all, ring), "31") + "\n";
    out += fmt::format("{}. Took {}.\n", coverage_line(seen.coverage),
                       human_time(static_cast<double>(seen.coverage.took)));
    page_out(out);
}

int run(const Options& o) {
    const auto seen = take_inventory();
    const auto all = waits_in(seen);
    auto rings = cycles_in(all);
    const auto asked = [&](const Wait& w) {
        return !o.pid || w.who.pid == *o.pid ||
               std::ranges::any_of(w.by, [&](const Holder* h) { return h->pid == *o.pid; });
    };
    std::erase_if(rings, [&](const auto& ring) {
        return std::ranges::none_of(ring, [&](std::size_t i) { return asked(all[i]); });
    });
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (asked(all[i]) && (!o.cycles || all[i].stuck)) shown.push_back(i);
    std::ranges::sort(shown, {}, [&](std::size_t i) { return std::pair(!all[i].stuck, i); });
    if (o.json)
        print_json(seen, all, shown, rings);
    else
        print_table(o, seen, all, shown, rings);
    return view_exit(seen.coverage, o.cycles ? !rings.empty() : !shown.empty());
}

Run define(CLI::App& app) {
    auto o = std::make_shared<Options>();
    app.add_option("--pid", o->pid, "only what this process waits for, or could end")->check(CLI::PositiveNumber);
    app.add_flag("--cycles", o->cycles, "only those who wait for each other in a ring");
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
                               "wye wait --cycles   # exit code 1 when there is a deadlock\n"
                               "wye wait --pid $$",
                           .define = define};

}  // namespace wye::cli
