// wye means: what there is, and what each can do, from the traits of the rooms.
#include "command.hpp"
#include "pager.hpp"
#include "table.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

using Row = const Mechanism*;
using Columns = std::vector<Column<Row>>;

// The classic table; `wye means --long` and --json have the rest.
Columns classic() {
    return {
        {"name", "MEANS", [](Row m) { return std::string(m->traits.name); }},
        {"scheme", "URI", [](Row m) { return std::string(m->traits.scheme); },
         [](Row m) { return std::string(m->traits.scheme) + ":"; }},
        {"timing", "TIMING", [](Row m) { return std::string(name(m->traits.timing)); }},
        {"direction", "DIRECTION", [](Row m) { return std::string(name(m->traits.direction)); }},
        {"relation", "RELATION", [](Row m) { return std::string(name(m->traits.relation)); }},
        {"reach", "REACH", [](Row m) { return std::string(name(m->traits.reach)); }},
        {"data", "DATA", [](Row m) { return std::string(name(m->traits.data)); }},
    };
}

Columns further() {
    return {
        {"boundaries", "BOUNDARIES", [](Row m) { return std::string(name(m->traits.boundaries)); }},
        {"lifetime", "LIFETIME", [](Row m) { return std::string(name(m->traits.lifetime)); }},
        {"pollable", "POLL", [](Row m) { return m->traits.pollable; }},
        {"loans", "LOANS", [](Row m) { return m->traits.loans; }},
        {"passes_fds", "FDS", [](Row m) { return m->traits.passes_fds; }},
        {"priorities", "PRIO", [](Row m) { return m->traits.priorities; }},
        {"types", "TYPES", [](Row m) { return m->traits.types; }},
        {"ordered", "ORDERED", [](Row m) { return m->traits.ordered; }},
        {"lossless", "LOSSLESS", [](Row m) { return m->traits.lossless; }},
        {"sees_close", "SEES CLOSE", [](Row m) { return m->traits.sees_close; }},
        {"permits_return", "RETURNS", [](Row m) { return m->traits.permits_return; }},
        {"redelivers", "REDELIVERS", [](Row m) { return m->traits.redelivers; }},
    };
}

Columns for_programs() {
    auto all = classic();
    for (auto& c : further()) all.push_back(std::move(c));
    all.push_back({"summary", "", [](Row m) { return std::string(m->summary); }});
    all.push_back({"example", "", [](Row m) { return std::string(m->example); }});
    return all;
}

std::string markdown(const std::vector<Row>& rows) {
    const auto columns = classic();
    std::string out = "|", rule = "|";
    for (const auto& c : columns) {
        std::string title = c.title;
        for (auto& ch : title) ch = static_cast<char>(std::tolower(static_cast<unsigned char>(ch)));
        if (title == "uri") title = "URI";
        out += fmt::format(" {} |", title);
        rule += "---|";
    }
    out += "\n" + rule + "\n";
    for (const Row m : rows) {
        out += "|";
        for (const auto& c : columns)
            out += c.text ? fmt::format(" `{}` |", c.text(m)) : fmt::format(" {} |", plain(c.value(m)));
        out += "\n";
    }
    return out;
}

struct Options {
    bool json = false, longer = false, markdown = false, no_headings = false;
};

int run(const Options& o) {
    const std::vector<Row> rows(mechanisms().begin(), mechanisms().end());
    if (o.json) {
        const Json document{{"schema", "wye.means/1"}, {"means", to_json(rows, for_programs())}};
        page_out(document.dump(2) + "\n");
        return exit_ok;
    }
    if (o.markdown) {
        page_out(markdown(rows));
        return exit_ok;
    }
    auto columns = classic();
    if (o.longer)
        for (auto& c : further()) columns.push_back(std::move(c));
    const auto lines = to_lines(rows, columns);
    std::string text;
    for (std::size_t i = o.no_headings ? 1 : 0; i < lines.size(); ++i)
        text += (i == 0 ? styled(lines[i], "1") : lines[i]) + "\n";
    page_out(text);
    return exit_ok;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    auto* json = app.add_flag("--json", o->json, "one document, schema wye.means/1, every trait");
    app.add_flag("-l,--long", o->longer, "every trait");
    app.add_flag("--markdown", o->markdown, "the classic columns as a Markdown table")->excludes(json);
    app.add_flag("--no-headings", o->no_headings, "rows alone");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command means_command;
const Command means_command{.name = "means",
                            .arguments = "",
                            .summary = "the table of every means, with its traits",
                            .examples =
                                "wye means                  # timing, direction, relation, reach, data\n"
                                "wye means --json | jq -r '.means[] | select(.priorities) | .scheme'",
                            .define = define};

}  // namespace wye::cli
