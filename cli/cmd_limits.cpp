// wye limits: how near each limit of the kernel is; and what happens there.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "limits_probe.hpp"
#include "limits_text.hpp"
#include "os/usage/proc_text.hpp"
#include "pager.hpp"
#include "terminal.hpp"
#include "user_name.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace wye::cli {
namespace {

using sys::Entry;

struct Options {
    std::vector<std::string> words;
    std::string user;
    std::optional<double> warn;
    bool all_ns = false, prom = false, json = false, markdown = false, like_here = false, small = false;
};

std::string percent(const Entry& e) {
    const auto p = e.reading.part() * 100;
    return p < 0 ? "-" : fmt::format("{:.1f}{}", p, p >= 80 ? "!" : "");
}

// The remark up to its first pause, "not the disk"; of what is no error, what happens instead.
std::string_view lead(std::string_view remark) {
    constexpr std::string_view none = "no error: ";
    if (remark.starts_with(none)) remark.remove_prefix(none.size());
    return remark.substr(0, remark.find_first_of(":;"));
}

std::string when_full(const Entry& e) {
    const auto& f = e.limit->faults[0];
    return fmt::format("{}: {} ({})", f.call, given(f.gives), lead(f.remark));
}

std::string top(const Entry& e) {
    if (e.reading.shares.empty()) return "-";
    const auto& s = e.reading.shares[0];
    return fmt::format("{} {}", user_name(s.user), s.what.empty() ? amount(e.limit->unit, s.used) : escape(s.what));
}

Json number(const std::optional<std::uint64_t>& n) { return n && *n != sys::no_ceiling ? Json(*n) : Json(nullptr); }

Json users_of(const Entry& e) {
    auto list = Json::array();
    for (const auto& s : e.reading.shares)
        list.push_back({{"user", user_name(s.user)},
                        {"uid", s.user},
                        {"used", s.used},
                        {"what", s.what.empty() ? Json(nullptr) : Json(escape(s.what))}});
    return list;
}

Json errors_of(const Entry& e) {
    auto list = Json::array();
    for (const auto& f : e.limit->errors()) list.push_back(json_of(f));
    return list;
}

std::vector<Column<Entry>> columns() {
    return {
        {"name", "LIMIT", [](const Entry& e) { return Json(e.limit->name); }},
        {"title", "", [](const Entry& e) { return Json(e.limit->title); }},
        {"scope", "", [](const Entry& e) { return Json(name(e.limit->scope)); }},
        {"where", "SCOPE", [](const Entry& e) { return Json(place_of(*e.limit, e.reading)); }},
        {"unit", "",
         [](const Entry& e) {
             return Json(e.limit->unit == sys::Unit::bytes   ? "bytes"
                         : e.limit->unit == sys::Unit::pages ? "pages"
                                                             : "count");
         }},
        {"used", "USED", [](const Entry& e) { return number(e.reading.used); },
         [](const Entry& e) { return e.reading.used ? amount(e.limit->unit, *e.reading.used) : "-"; }, true},
        {"ceiling", "LIMIT", [](const Entry& e) { return number(e.reading.ceiling); },
         [](const Entry& e) { return e.reading.ceiling ? amount(e.limit->unit, *e.reading.ceiling) : "-"; }, true},
        {"unlimited", "", [](const Entry& e) { return Json(e.reading.ceiling == sys::no_ceiling); }},
        {"percent", "%",
         [](const Entry& e) { return e.reading.part() < 0 ? Json(nullptr) : Json(e.reading.part() * 100); }, percent,
         true},
        {"users", "TOP USER", users_of, top},
        {"read_at", "", [](const Entry& e) { return Json(e.limit->ceiling.text()); }},
        {"use", "", [](const Entry& e) { return Json(e.limit->use); }},
        {"note", "",
         [](const Entry& e) { return e.reading.note.empty() ? Json(nullptr) : Json(escape(e.reading.note)); }},
        {"errors", "WHEN FULL", errors_of, when_full},
        {"remedy", "", [](const Entry& e) { return Json(e.limit->remedy); }},
        {"probe", "", [](const Entry& e) { return Json(e.limit->trial.run != nullptr); }},
    };
}

std::string coverage(const sys::Survey& s) {
    return fmt::format("coverage: {} processes, {} unreadable; ipc namespaces {}/{}, net namespaces {}/{}", s.processes,
                       s.unreadable, s.ipc_seen, s.ipc_all, s.net_seen, s.net_all);
}

std::string as_table(const sys::Survey& s) {
    auto shown = columns();
    std::erase_if(shown, [](const auto& c) { return !*c.title; });
    const auto lines = to_lines(s.entries, shown);
    std::string out = styled(lines[0], "1") + "\n";
    for (std::size_t i = 1; i < lines.size(); ++i)
        out += (s.entries[i - 1].reading.part() >= 0.8 ? styled(lines[i], "31") : lines[i]) + "\n";
    return out + coverage(s) + "\n";
}

std::string as_json(const sys::Survey& s) {
    const Json document{{"schema", "wye.limits/1"},
                        {"limits", to_json(s.entries, columns())},
                        {"coverage",
                         {{"processes", s.processes},
                          {"unreadable", s.unreadable},
                          {"ipc_namespaces", {{"seen", s.ipc_seen}, {"all", s.ipc_all}}},
                          {"net_namespaces", {{"seen", s.net_seen}, {"all", s.net_all}}},
                          {"partial", s.partial()}}}};
    return document.dump(2) + "\n";
}

std::string label(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') out += '\\';
        out += c;
    }
    return out;
}

// As place_of(), without what changes from look to look: a series is to live longer than a process.
std::string lasting_place(const Entry& e) {
    const auto scope = e.limit->scope;
    const auto& where = e.reading.where;
    if (scope == sys::Scope::ipc || scope == sys::Scope::net) return escape(where.substr(0, where.find(' ')));
    if (scope == sys::Scope::process || scope == sys::Scope::object) return std::string(name(scope));
    return place_of(*e.limit, e.reading);
}

// The text format of Prometheus: a family at a time.
std::string as_prometheus(const sys::Survey& s) {
    std::string out;
    const auto family = [&](const char* what, const char* help, auto value) {
        out += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", what, help, what);
        for (const auto& e : s.entries)
            if (const auto v = value(e.reading))
                out += fmt::format("{}{{limit=\"{}\",scope=\"{}\",where=\"{}\"}} {}\n", what, label(e.limit->name),
                                   name(e.limit->scope), label(lasting_place(e)),
                                   *v == sys::no_ceiling ? "+Inf" : std::to_string(*v));
    };
    family("wye_limit_used", "What is used of a limit of the kernel, in its own unit.",
           [](const sys::Reading& r) { return r.used; });
    family("wye_limit_ceiling", "Where the kernel refuses.", [](const sys::Reading& r) { return r.ceiling; });
    out +=
        "# HELP wye_limits_processes_unreadable Processes that could not be looked into.\n# TYPE "
        "wye_limits_processes_unreadable gauge\n";
    return out + fmt::format("wye_limits_processes_unreadable {}\n", s.unreadable);
}

std::string cell(std::string text) {
    for (std::size_t i = 0; (i = text.find('|', i)) != text.npos; i += 2) text.insert(i, "\\");
    return text;
}

// Without what is in use here: the same on every machine.
std::string as_markdown() {
    std::string out = "| limit | read at | present use | when it is full | what to do |\n|---|---|---|---|---|\n";
    for (const auto& l : sys::limits()) {
        std::string errors;
        for (const auto& f : l.errors())
            errors += fmt::format("{}{}: {}{} [{}]", errors.empty() ? "" : "<br>", f.call,
                                  *f.gives ? fmt::format("**{}** \"{}\", ", f.gives, errno_text(f.gives)) : "",
                                  f.remark, f.source);
        out += fmt::format("| **{}** {}; of a {} | {} | {} | {} | {} |\n", l.name, cell(l.title), name(l.scope),
                           cell(l.ceiling.text()), cell(l.use), cell(errors), cell(l.remedy));
    }
    return out;
}

// What the user has of it, in place of what all have.
void only_of(uid_t user, sys::Survey& s) {
    const auto share = [&](const Entry& e) { return std::ranges::find(e.reading.shares, user, &sys::Share::user); };
    std::erase_if(s.entries, [&](const Entry& e) { return share(e) == e.reading.shares.end(); });
    for (auto& e : s.entries) {
        e.reading.shares = {*share(e)};
        e.reading.used = e.reading.shares[0].used;
    }
}

int show(const Options& o) {
    std::optional<uid_t> user;
    if (!o.user.empty() && !(user = user_id(o.user)))
        return usage_error("limits", fmt::format("--user={}: no such user", escape(o.user)));
    if (o.warn && (*o.warn < 0 || *o.warn > 100))
        return usage_error("limits", fmt::format("--warn={}: write per cent, 0 to 100", *o.warn));
    auto s = sys::survey(o.all_ns);
    if (!s) return report("limits", s.error()), int{view_error};
    const bool whole = !s->partial();
    if (user) only_of(*user, *s);
    if (o.warn)
        std::erase_if(s->entries,
                      [&](const Entry& e) { return e.reading.part() * 100 < *o.warn || e.reading.part() < 0; });
    // The nearest first; of equals as the table has them.
    std::ranges::sort(s->entries, {}, [](const Entry& e) {
        return std::tuple(-e.reading.part(), e.limit, std::string_view(e.reading.where));
    });
    page_out(o.json ? as_json(*s) : o.prom ? as_prometheus(*s) : as_table(*s));
    return o.warn ? view_exit(whole, !s->entries.empty()) : int{exit_ok};
}

int run(const Options& o) {
    if (o.markdown) return page_out(as_markdown()), exit_ok;
    if (o.words.empty()) {
        if (o.like_here || o.small)
            return usage_error("limits", "--small and --like-here are of: wye limits probe NAME");
        return show(o);
    }
    if (o.words[0] != "probe")
        return usage_error(
            "limits",
            fmt::format("unknown argument \"{}\" (wye limits [probe NAME]; see wye help limits)", escape(o.words[0])));
    if (o.words.size() != 2) return usage_error("limits", "wye limits probe takes one NAME; wye limits lists them");
    if (o.all_ns || o.prom || !o.user.empty() || o.warn)
        return usage_error("limits", "wye limits probe takes --small, --like-here and --json");
    return probe_limit(o.words[1], o.like_here, o.json);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("probe", o->words, "probe NAME: run into that limit, in a throw-away namespace")
        ->expected(0, 2)
        ->allow_extra_args();
    app.add_flag("--all-ns", o->all_ns, "the other ipc and net namespaces as well");
    app.add_option("--user", o->user, "what this user has of each")->type_name("USER");
    app.add_option("--warn", o->warn, "only what is used to that many per cent; exit code 1 when there is any")
        ->type_name("PERCENT");
    auto* json = app.add_flag("--json", o->json, "one document, schema wye.limits/1 or wye.probe/1");
    auto* prom = app.add_flag("--prom", o->prom, "in the text format of Prometheus")->excludes(json);
    app.add_flag("--markdown", o->markdown, "the table of limits without their use")->excludes(json)->excludes(prom);
    auto* small = app.add_flag("--small", o->small, "probe: with a small ceiling (the default)");
    app.add_flag("--like-here", o->like_here, "probe: with the ceiling of this machine, where that costs little")
        ->excludes(small);
    return [o] { return run(*o); };
}

}  // namespace

extern const Command limits_command;
const Command limits_command{.name = "limits",
                             .arguments = "[probe NAME]",
                             .summary = "how near the kernel's limits are, and what happens there",
                             .examples =
                                 "wye limits                       # the nearest first\n"
                                 "wye limits --warn 80             # exit code 1 when something is at 80 % or above\n"
                                 "wye limits --prom > /var/lib/node_exporter/wye.prom\n"
                                 "wye limits probe SEMMNI          # run into it where nobody is harmed",
                             .define = define};

}  // namespace wye::cli
