// wye doctor: one page of what is amiss on this machine.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "registry/findings.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace wye::cli {
namespace {

struct Options {
    std::string age = "10m", blocked = "10s";
    double warn = 80;
    bool json = false;
};

constexpr std::size_t most = 5;  // findings of one kind on the page

std::string counted(std::size_t n, std::string_view thing) {
    return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s");
}

std::string summary(const std::vector<Finding>& all, bool whole) {
    std::size_t n[3] = {};
    for (const auto& f : all) ++n[static_cast<std::size_t>(f.severity)];
    if (n[1] + n[2] == 0)
        return fmt::format("nothing found{}{}", whole ? "" : " in what could be seen",
                           n[0] == 0 ? "" : fmt::format("; {}", counted(n[0], "note")));
    return fmt::format("{} bad, {}, {}", n[2], counted(n[1], "warning"), counted(n[0], "note"));
}

std::string as_text(const Examined& e) {
    constexpr const char* styles[] = {"2", "33", "31"};
    std::string out;
    std::map<std::string_view, std::size_t> shown;
    for (const auto& f : e.findings) {
        if (++shown[f.what] > most) continue;
        out += fmt::format("{} {}\n",
                           styled(fmt::format("{:<8}", name(f.severity)), styles[static_cast<std::size_t>(f.severity)]),
                           styled(escape(f.title), f.severity == Severity::note ? "" : "1"));
        for (const auto& line : f.evidence) out += fmt::format("         {}\n", escape(line));
        out += fmt::format("         look: {}\n", escape(f.look));
        if (!f.next.empty()) out += fmt::format("         next: {}   (does nothing without --yes)\n", escape(f.next));
    }
    for (const auto& [what, n] : shown)
        if (n > most) out += fmt::format("and {} more of {}: wye doctor --json\n", n - most, what);
    return out + fmt::format("{}\n{}. Took {}.\n", styled(summary(e.findings, e.whole), "1"),
                             coverage_line(e.all.coverage), human_time(static_cast<double>(e.all.coverage.took)));
}

std::string as_json(const Examined& e) {
    Json document{{"schema", "wye.doctor/1"}, {"findings", Json::array()}};
    for (const auto& f : e.findings)
        document["findings"].push_back({{"severity", name(f.severity)},
                                        {"what", f.what},
                                        {"title", f.title},
                                        {"evidence", f.evidence},
                                        {"look", f.look},
                                        {"next", f.next.empty() ? Json(nullptr) : Json(f.next)}});
    document["coverage"] = json_of(e.all.coverage);
    return dumped(document, 2) + "\n";
}

int run(const Options& o) {
    const auto age = duration_of("doctor", "--age", o.age), blocked = duration_of("doctor", "--blocked", o.blocked);
    if (!age || !blocked) return exit_usage;
    const auto e =
        examine({.warn = o.warn, .age = std::chrono::duration_cast<std::chrono::seconds>(*age), .blocked = *blocked});
    if (e.all.coverage.processes == 0)
        return fmt::print(stderr, "wye: doctor: /proc cannot be read\n"), int{view_error};
    page_out(o.json ? as_json(e) : as_text(e));
    return view_exit(e.whole,
                     std::ranges::any_of(e.findings, [](const Finding& f) { return f.severity != Severity::note; }));
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("--warn", o->warn, "a limit that is used to so many per cent (80)")->between(1, 100);
    app.add_option("--age", o->age, "how long what nobody has or reads must have been left alone (10m)");
    app.add_option("--blocked", o->blocked, "how long a thread may sleep for another (10s)");
    app.add_flag("--json", o->json, "one document, schema wye.doctor/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command doctor_command;
const Command doctor_command{.name = "doctor",
                             .arguments = "",
                             .summary = "one page of what is amiss: limits, orphans, deadlocks, full queues",
                             .examples =
                                 "wye doctor\n"
                                 "wye doctor --json | jq '.findings[] | select(.severity == \"bad\")'\n"
                                 "wye doctor --age 1h --blocked 1m   # exit code 1 when there is more than a note",
                             .define = define};

}  // namespace wye::cli
