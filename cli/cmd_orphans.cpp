// wye orphans: what nobody has any more, with the evidence. Nothing is removed.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "os/snapshot/snapshot.hpp"
#include "pager.hpp"
#include "registry/inventory.hpp"
#include "registry/verdict.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> kinds;
    std::string user, age = "10m", rules;
    bool explain = false, all = false, json = false, list = false;
};

struct Row {
    const Item* item;
    Judged judged;
};

std::vector<Column<Row>> columns() {
    using C = Column<Row>;
    std::vector<C> all;
    for (auto& c : item_columns())
        for (const auto* wanted : {"kind", "name", "ns", "owner", "size", "use", "age"})
            if (std::string_view(c.key) == wanted)
                all.emplace_back(
                    c.key, c.title, [get = c.value](const Row& r) { return get(*r.item); },
                    c.text ? typename C::Text([text = c.text](const Row& r) { return text(*r.item); }) : C::Text(),
                    c.right);
    all.emplace_back("verdict", "VERDICT", [](const Row& r) { return verdict_text(*r.item, r.judged); });
    return all;
}

std::uint64_t bytes_of(const Item& i) { return i.allocated.value_or(i.size.value_or(0)); }

// "3 proven (260.0M), 1 likely, 2 unknown"
std::string summary(const std::vector<Row>& rows) {
    std::string text;
    for (const auto v : {Verdict::proven, Verdict::likely, Verdict::unknown}) {
        std::uint64_t n = 0, bytes = 0;
        for (const auto& r : rows)
            if (r.judged.verdict == v) ++n, bytes += bytes_of(*r.item);
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", n, name(v));
        if (bytes != 0) text += fmt::format(" ({})", short_size(bytes));
    }
    return text + "; nothing was removed";
}

std::string explained(const std::vector<Row>& rows) {
    std::string out;
    for (const auto& r : rows) {
        out += styled(fmt::format("{} {}", r.item->kind, escape(r.item->name)), "1");
        if (const auto n = bytes_of(*r.item)) out += fmt::format("   {}", short_size(n));
        if (r.item->uid) out += fmt::format("   owner {}", user_name(*r.item->uid));
        out += "\n";
        for (const auto& e : r.judged.evidence) out += fmt::format("  {} {}\n", e.mark, escape(e.text));
        out += fmt::format("  = {}\n", title(r.judged.verdict));
    }
    return out;
}

Json as_json(const Row& r) {
    auto j = json_of(*r.item);
    add_verdict(j, *r.item, r.judged);
    return j;
}

void print(const Options& o, const std::vector<Row>& rows, const Coverage& coverage) {
    if (o.json) {
        Json document{{"schema", "wye.orphans/1"}, {"items", Json::array()}};
        for (const auto& r : rows) document["items"].push_back(as_json(r));
        document["coverage"] = json_of(coverage);
        return page_out(dumped(document, 2) + "\n");
    }
    std::string out;
    if (o.explain) {
        out = explained(rows);
    } else if (!rows.empty()) {
        const auto text = to_lines(rows, columns());
        for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    }
    page_out(out + summary(rows) + "\n" +
             fmt::format("{}. Took {}.\n", coverage_line(coverage), human_time(static_cast<double>(coverage.took))));
}

// The rules in force, in the order in which they are asked, as a file of rules could have them.
int list_rules(const Options& o, const std::vector<Rule>& rules) {
    constexpr std::string_view words[] = {"protect", "claim", "ordinary"};
    auto document = Json{{"schema", "wye.rules/1"}, {"rules", Json::array()}};
    std::string out;
    for (const auto& r : rules) {
        const auto what = words[static_cast<std::size_t>(r.what)];
        const auto keys = r.keys ? fmt::format("0x{:x}-0x{:x}", r.keys->first, r.keys->second) : std::string();
        document["rules"].push_back({{"what", what},
                                     {"kind", r.kind},
                                     {"name", r.name},
                                     {"user", r.user.empty() ? Json(nullptr) : Json(r.user)},
                                     {"key", keys.empty() ? Json(nullptr) : Json(keys)},
                                     {"alive", r.alive.empty() ? Json(nullptr) : Json(r.alive)},
                                     {"why", r.why},
                                     {"where", r.where}});
        out += fmt::format("{} {} {}", what, r.kind, escape(r.name));
        if (!r.user.empty()) out += " user=" + escape(r.user);
        if (!keys.empty()) out += " key=" + keys;
        if (!r.alive.empty()) out += " alive=" + escape(r.alive);
        out += fmt::format(" {}  # {}\n", escape(r.why), escape(r.where));
    }
    page_out(o.json ? dumped(document, 2) + "\n" : out);
    return rules.empty() ? view_nothing : view_found;
}

int run(const Options& o) {
    const auto age = duration_of("orphans", "--age", o.age);
    if (!age) return exit_usage;
    std::optional<std::uint32_t> uid;
    if (!o.user.empty() && !(uid = user_id(o.user)))
        return usage_error("orphans", fmt::format("--user: there is no user \"{}\"", escape(o.user)));
    for (const auto& k : o.kinds)
        if (const auto known = inventory_kinds(); std::ranges::find(known, k) == known.end())
            return usage_error("orphans", fmt::format("no kind \"{}\"; as in: wye orphans posix-shm", escape(k)));
    const auto rules = read_rules(o.rules);
    if (!rules) return (void)report("orphans", rules.error()), int{view_error};
    if (o.list) return list_rules(o, *rules);
    const auto seen = sys::take_snapshot();
    const auto all = take_inventory(seen);
    std::vector<Row> rows;
    for (const auto& item : all.items) {
        if (!o.kinds.empty() && std::ranges::find(o.kinds, item.kind) == o.kinds.end()) continue;
        if (uid && item.uid != uid) continue;
        Row r{&item, judge(item, all, seen, *rules, std::chrono::duration_cast<std::chrono::seconds>(*age))};
        const auto v = r.judged.verdict;
        if (v == Verdict::no_matter || (!o.all && (v == Verdict::held || v == Verdict::persists))) continue;
        rows.push_back(std::move(r));
    }
    std::ranges::sort(rows, {}, [](const Row& r) { return std::pair(r.judged.verdict, r.item); });
    print(o, rows, all.coverage);
    return view_exit(all.coverage, !rows.empty());
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("kind", o->kinds, "only these kinds, as wye ls has them");
    app.add_option("--user", o->user, "only what belongs to this user");
    app.add_option("--age", o->age, "how long it must have been left alone (10m)");
    app.add_flag("--explain", o->explain, "the evidence for each, and what is against it");
    app.add_flag("--all", o->all, "also what is held, and what is meant to stay");
    app.add_option("--rules", o->rules, "a file of rules that are asked before all others")->type_name("FILE");
    app.add_flag("--list-rules", o->list, "the rules in force, and where each stands; nothing is looked at");
    app.add_flag("--json", o->json, "one document, schema wye.orphans/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command orphans_command;
const Command orphans_command{.name = "orphans",
                              .arguments = "[KIND]...",
                              .summary = "what nobody has any more, with the evidence",
                              .examples =
                                  "wye orphans\n"
                                  "wye orphans --explain --user $USER\n"
                                  "wye orphans posix-shm --age 1h --json",
                              .define = define};

}  // namespace wye::cli
