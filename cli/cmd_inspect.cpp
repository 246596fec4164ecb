// wye inspect: one object from inside, as its room shows it.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "pager.hpp"
#include "table.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::string uri;
    bool json = false;
};

Json json_of(const Inspection::Value& v) {
    return std::visit([](const auto& x) { return Json(x); }, v);
}
Json json_of(const Inspection::Facts& facts) {
    auto j = Json::object();
    for (const auto& [name, value] : facts) j[std::string(name)] = json_of(value);
    return j;
}

// The parts of one kind as a table: each has the facts that the first one has.
void table_of(const std::vector<const Inspection::Part*>& parts, std::string& out) {
    std::vector<std::vector<std::string>> cells(1);
    std::vector<bool> right;
    for (const auto& [name, value] : parts[0]->facts) {
        std::string title(name);
        std::ranges::transform(title, title.begin(),
                               [](char c) { return c == '_' ? ' ' : static_cast<char>(std::toupper(c)); });
        cells[0].push_back(title);
        right.push_back(std::holds_alternative<std::uint64_t>(value));
    }
    for (const auto* p : parts) {
        auto& line = cells.emplace_back();
        for (const auto& [name, value] : p->facts) line.push_back(escape(plain(json_of(value))));
    }
    out += "\n";
    const auto lines = layout(cells, right);
    for (std::size_t i = 0; i < lines.size(); ++i) out += (i == 0 ? styled(lines[i], "1") : lines[i]) + "\n";
}

int run(const Options& o) {
    auto seen = inspect(o.uri);
    if (!seen) return report("inspect", seen.error());
    std::vector<std::string_view> kinds;
    for (const auto& p : seen->parts)
        if (std::ranges::find(kinds, p.kind) == kinds.end()) kinds.push_back(p.kind);
    if (o.json) {
        Json j{{"schema", "wye.inspect/1"}, {"uri", o.uri}};
        j.update(json_of(seen->facts));
        for (const auto kind : kinds) {
            auto& list = j[std::string(kind) + "s"] = Json::array();
            for (const auto& p : seen->parts)
                if (p.kind == kind) list.push_back(json_of(p.facts));
        }
        return page_out(j.dump(2) + "\n"), exit_ok;
    }
    std::string out;
    for (const auto& [name, value] : seen->facts) {
        std::string title(name);
        std::ranges::replace(title, '_', ' ');
        out += fmt::format("{:<14} {}\n", title, escape(plain(json_of(value))));
    }
    for (const auto kind : kinds) {
        std::vector<const Inspection::Part*> parts;
        for (const auto& p : seen->parts)
            if (p.kind == kind) parts.push_back(&p);
        table_of(parts, out);
    }
    return page_out(out), exit_ok;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "what to look into")->required();
    app.add_flag("--json", o->json, "one document, schema wye.inspect/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command inspect_command;
const Command inspect_command{
    .name = "inspect",
    .arguments = "URI",
    .summary = "look into a ring or shared memory: who takes part, how far each is, where it is mapped",
    .examples =
        "wye inspect shm:prices\nwye inspect --json shm:jobs | jq .participants\n"
        "wye inspect sysv-shm:key=0x51                  # who made it, who used it last, where",
    .define = define,
    .completes_uris = true};

}  // namespace wye::cli
