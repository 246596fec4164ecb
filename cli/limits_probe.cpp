// wye limits probe: one limit, run into where nobody is harmed.
#include "limits_probe.hpp"

#include "wye/base/text.hpp"

#include "command.hpp"
#include "limits_text.hpp"
#include "pager.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

std::string numbers(const sys::Step& s) {
    return s.first == s.last ? fmt::format("#{}", s.first) : fmt::format("#{}..#{}", s.first, s.last);
}

std::string steps_of(const sys::Trace& t) {
    std::vector<std::vector<std::string>> cells;
    for (const auto& s : t.steps) {
        const bool counted = s.last > 1;
        cells.push_back({"", s.call, counted ? numbers(s) : "", s.gives.empty() ? "ok" : given(s.gives), s.remark});
    }
    std::string out;
    for (const auto& line : layout(cells, std::vector<bool>(5))) out += line + "\n";
    return out;
}

// The count of this machine that is nearest.
std::string here(const sys::Limit& l) {
    const auto s = sys::survey(false);
    if (!s) return {};
    const sys::Reading* nearest = nullptr;
    for (const auto& e : s->entries)
        if (e.limit == &l && (!nearest || e.reading.part() > nearest->part())) nearest = &e.reading;
    return nearest ? use_of(l, *nearest) : "";
}

std::string told_only(const sys::Limit& l) {
    auto s = fmt::format("not probed: {}\n", l.trial.told);
    for (const auto& f : l.errors())
        s += fmt::format("  {}  {}  {} ({})\n", f.call, given(f.gives), f.remark, f.source);
    return s;
}

std::string seen(const sys::Limit& l, const sys::Trace& t) {
    auto s = t.place + ", nothing outside it is touched";
    if (t.set > 0) s += fmt::format("; the limit there is {}", amount(l.unit, t.set));
    s += t.note.empty() ? ":\n" : fmt::format(" ({}):\n", t.note);
    return s + steps_of(t) + fmt::format("so: {}\n", l.trial.sees);
}

Json json_of_trace(const sys::Limit& l, const sys::Trace* t) {
    auto steps = Json::array();
    if (t)
        for (const auto& s : t->steps)
            steps.push_back({{"call", s.call},
                             {"first", s.first},
                             {"last", s.last},
                             {"error", s.gives.empty() ? Json(nullptr) : Json(s.gives)},
                             {"text", s.gives.empty() ? Json(nullptr) : Json(errno_text(s.gives))},
                             {"remark", s.remark.empty() ? Json(nullptr) : Json(s.remark)}});
    Json j{{"schema", "wye.probe/1"}, {"limit", l.name}, {"title", l.title}, {"probed", t != nullptr}};
    j["place"] = t ? Json(t->place) : Json(nullptr);
    j["set"] = t && t->set > 0 ? Json(t->set) : Json(nullptr);
    j["note"] = t ? (t->note.empty() ? Json(nullptr) : Json(t->note)) : Json(l.trial.told);
    j["steps"] = steps;
    j["sees"] = t ? Json(l.trial.sees) : Json(nullptr);
    j["here"] = here(l);
    j["remedy"] = l.remedy;
    j["errors"] = Json::array();
    for (const auto& f : l.errors()) j["errors"].push_back(json_of(f));
    return j;
}

}  // namespace

int probe_limit(const std::string& name, bool like_here, bool json) {
    const auto* l = sys::find_limit(name);
    if (!l) {
        std::vector<std::string_view> names;
        for (const auto& k : sys::limits()) names.emplace_back(k.name);
        std::string upper = name;
        std::ranges::transform(upper, upper.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        auto near = nearest(name, names);
        if (near.empty()) near = nearest(upper, names);
        return usage_error("limits", fmt::format("probe: no limit \"{}\"{}; wye limits lists them", escape(name),
                                                 near.empty() ? "" : fmt::format(", did you mean {}?", near)));
    }
    std::optional<sys::Trace> trace;
    if (l->trial.run) {
        auto t = sys::probe(*l, like_here, 30s);
        if (!t && t.error().is(Errc::unsupported)) return report("limits", t.error()), exit_failed;
        if (!t) return report("limits", t.error());
        trace = std::move(*t);
    }
    if (json) return page_out(json_of_trace(*l, trace ? &*trace : nullptr).dump(2) + "\n"), exit_ok;
    page_out(styled(fmt::format("{}: {}", l->name, l->title), "1") + "\n" + (trace ? seen(*l, *trace) : told_only(*l)) +
             fmt::format("here now: {}\nwhat to do: {}\n", here(*l), l->remedy));
    return exit_ok;
}

}  // namespace wye::cli
