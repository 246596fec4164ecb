// wye explain: which limit gives this error, and how near it is here.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "limits_text.hpp"
#include "pager.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

namespace wye::cli {
namespace {

struct Options {
    std::string error, call;
    bool json = false;
};

struct Match {
    const sys::Limit* limit;
    const sys::Fault* fault;
    const sys::Reading* reading;  // the nearest
};

// "ENOSPC" of "enospc" or "28"; empty for what is none.
std::string name_of(std::string_view word) {
    if (const auto n = parse_number(word); n && *n < 200)
        if (const char* s = ::strerrorname_np(static_cast<int>(*n)); s && *n > 0) return s;
    std::string upper(word);
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (upper == "EWOULDBLOCK") return "EAGAIN";
    return errno_text(upper).empty() ? "" : upper;
}

std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (int e = 1; e < 200; ++e)
        if (const char* s = ::strerrorname_np(e)) names.emplace_back(s);
    for (const char* s : {"SIGBUS", "SIGKILL", "SIGXFSZ", "SIGPIPE", "SIGSEGV"}) names.emplace_back(s);
    return names;
}

// "fcntl" means "fcntl(F_SETPIPE_SZ)" too, and "connect" means "connect (unix)".
bool is_call(std::string_view call, std::string_view wanted) {
    return call.starts_with(wanted) &&
           (call.size() == wanted.size() || call[wanted.size()] == '(' || call[wanted.size()] == ' ');
}

std::vector<Match> matches(const sys::Survey& s, std::string_view error, std::string_view call) {
    std::vector<Match> found;
    for (const auto& l : sys::limits())
        for (const auto& f : l.errors()) {
            if (error != (std::string_view(f.gives) == "EWOULDBLOCK" ? "EAGAIN" : f.gives)) continue;
            if (!call.empty() && !is_call(f.call, call)) continue;
            Match m{&l, &f, nullptr};
            for (const auto& e : s.entries)
                if (e.limit == &l && (!m.reading || e.reading.part() > m.reading->part())) m.reading = &e.reading;
            if (m.reading) found.push_back(m);
        }
    std::ranges::sort(found, {}, [](const Match& m) { return std::tuple(-m.reading->part(), m.limit, m.fault); });
    return found;
}

std::string calls_of(const std::vector<Match>& all) {
    std::string s;
    std::vector<std::string_view> seen;
    for (const auto& m : all)
        if (std::ranges::find(seen, m.fault->call) == seen.end()) {
            s += (s.empty() ? "" : ", ") + std::string(m.fault->call);
            seen.emplace_back(m.fault->call);
        }
    return s;
}

std::string as_text(std::string_view error, const std::vector<Match>& found) {
    auto out = styled(given(error), "1") + "\n";
    for (const auto& m : found) {
        const auto part = m.reading->part();
        out += fmt::format("\n{}  {}: {}{}\n", styled(m.fault->call, "1"), m.limit->name, m.limit->title,
                           part >= 0.8 ? styled(fmt::format("  {:.1f} %!", part * 100), "31")
                           : part >= 0 ? fmt::format("  {:.1f} %", part * 100)
                                       : "");
        out += fmt::format("    {} [{}]\n", m.fault->remark, m.fault->source);
        out += fmt::format("    here: {}\n", use_of(*m.limit, *m.reading));
        out += fmt::format("    what to do: {}\n", m.limit->remedy);
    }
    return out;
}

std::string as_json(std::string_view error, const std::vector<Match>& found) {
    auto list = Json::array();
    for (const auto& m : found) {
        const auto part = m.reading->part();
        auto j = json_of(*m.fault);
        j["limit"] = m.limit->name;
        j["title"] = m.limit->title;
        j["scope"] = name(m.limit->scope);
        j["where"] = place_of(*m.limit, *m.reading);
        j["here"] = use_of(*m.limit, *m.reading);
        j["percent"] = part < 0 ? Json(nullptr) : Json(part * 100);
        j["remedy"] = m.limit->remedy;
        list.push_back(std::move(j));
    }
    return Json{{"schema", "wye.explain/1"}, {"error", error}, {"text", errno_text(error)}, {"limits", list}}.dump(2) +
           "\n";
}

int run(const Options& o) {
    const auto error = name_of(o.error);
    if (error.empty()) {
        std::string upper = o.error;
        std::ranges::transform(upper, upper.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        const auto names = all_names();
        const auto near = nearest(upper, names);
        return usage_error(
            "explain", fmt::format("no error \"{}\"{}", escape(o.error),
                                   near.empty() ? "; write it as ENOSPC, 28 or SIGBUS" : fmt::format(": {}?", near)));
    }
    const auto s = sys::survey(false);
    if (!s) return report("explain", s.error());
    const auto all = matches(*s, error, ""), found = matches(*s, error, o.call);
    if (found.empty()) {
        const auto where = o.call.empty() || all.empty()
                               ? std::string()
                               : fmt::format(" in {}; it comes from {}", escape(o.call), calls_of(all));
        fmt::print(stderr, "wye: explain: no limit of the table gives {}{}\n", given(error), where);
        return exit_not_found;
    }
    page_out(o.json ? as_json(error, found) : as_text(error, found));
    return exit_ok;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("error", o->error, "ENOSPC, SIGBUS, or a number")->required();
    app.add_option("--call", o->call, "only where this call gives it")->type_name("NAME");
    app.add_flag("--json", o->json, "one document, schema wye.explain/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command explain_command;
const Command explain_command{
    .name = "explain",
    .arguments = "ERROR",
    .summary = "which limit gives this error, how near it is here, and what to do",
    .examples =
        "wye explain ENOSPC                # which \"No space left on device\" is not the disk\n"
        "wye explain EMFILE --call mq_open",
    .define = define};

}  // namespace wye::cli
