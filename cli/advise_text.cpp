#include "advise_text.hpp"

#include "wye/base/text.hpp"

#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

using advice::Judged;

constexpr double rough = 0.25;  // rounds that are further apart than this are said
constexpr std::size_t few = 6;  // rows of a list that is not asked for whole

std::string size_text(std::uint64_t n) {
    return n < 1024 ? fmt::format("{} B", n) : human_size(static_cast<double>(n));
}

// "5.1 us at 64 B"; of a size that nobody measured, between which it stands, or how far off the nearest is.
std::string figure_text(const Judged& j, std::uint64_t size) {
    if (!j.time) return {};
    const auto& t = *j.time;
    auto s = fmt::format("{} at {}", human_time(t.value), size_text(t.within ? size : t.from));
    if (!t.within) s += ", the nearest that was measured";
    if (t.spread > rough) s += fmt::format(" (rounds {:.0f} % apart)", t.spread * 100);
    if (t.from != t.to) s += fmt::format(", between {} and {}", size_text(t.from), size_text(t.to));
    return s;
}

std::string joined(const std::vector<std::string>& parts, std::string_view mark) {
    std::string s;
    for (const auto& p : parts) s += (s.empty() ? "" : std::string(mark)) + p;
    return s;
}

// A paragraph, in lines that can be read.
std::string wrapped(std::string_view text) {
    const std::size_t most = std::clamp(terminal_width(), 40u, 110u);
    std::string s;
    while (text.size() > most) {
        auto at = text.rfind(' ', most);
        if (at == text.npos) at = std::min(text.find(' '), text.size());
        s += std::string(text.substr(0, at)) + "\n";
        text.remove_prefix(std::min(at + 1, text.size()));
    }
    return s + std::string(text) + "\n";
}

std::string phrases(const std::vector<advice::Need>& needs, const advice::Needs& w) {
    std::vector<std::string> parts;
    for (const auto n : needs) parts.push_back(phrase(n, w));
    return joined(parts, ", ");
}

std::string why(const Advised& a) {
    const auto& fits = a.advice.fits;
    auto s = fmt::format("It serves what was asked: {}. ", phrases(asked(a.needs), a.needs));
    if (fits.size() == 1) return s + "Nothing else does.";
    s += fmt::format("{} of {} means and patterns do", fits.size(), fits.size() + a.advice.ruled_out.size());
    if (const auto& mine = fits[0].burdens; !mine.empty()) {
        std::vector<std::string> parts;
        for (const auto& b : mine) parts.emplace_back(b.what);
        s += fmt::format(", each with something to mind; with this one: {}", joined(parts, "; "));
    }
    return s + fmt::format(". After it comes {}: {}.", fits[1].subject->name, ahead(fits[0], fits[1]));
}

std::string measured(const Advised& a) {
    const auto& best = a.advice.fits[0];
    const std::string open =
        a.needs.rate > 0 && !best.rate ? " So whether it is fast enough for that rate is not known." : "";
    if (!a.figures)
        return fmt::format(
            "Nothing was measured here ({}): what fits alike stands in the order of the house. `wye "
            "bench` measures this machine.{}",
            a.no_figures, open);
    auto s = best.time
                 ? fmt::format("Measured: {}, {}", workload(*best.subject, false), figure_text(best, a.advice.size))
                 : "It is not among what was measured";
    if (best.rate) s += fmt::format("; up to {} messages a second", advice::count_text(best.rate->value));
    s += fmt::format(" ({}).{}", escape(a.figures->file), open);
    for (const auto& note : a.figures->said) s += fmt::format(" Mind that {}.", note);
    return s;
}

std::string indented(const std::string& code) {
    std::string s;
    for (std::size_t from = 0; from < code.size();) {
        const auto end = code.find('\n', from);
        s += end == from ? "\n" : "    " + code.substr(from, end - from) + "\n";
        from = end + 1;
    }
    return s;
}

std::string runners_up(const Advised& a, bool all) {
    const auto& fits = a.advice.fits;
    if (fits.size() < 2) return {};
    std::vector<std::vector<std::string>> cells;
    const auto n = all ? fits.size() : std::min(fits.size(), std::size_t{4});
    for (std::size_t i = 1; i < n; ++i)
        cells.push_back({"   ", fits[i].subject->name, figure_text(fits[i], a.advice.size), ahead(fits[0], fits[i])});
    auto s = "\n" + styled("It could also be", "1") + "\n";
    for (const auto& line : layout(cells, {false, false, false, false})) s += line + "\n";
    if (n < fits.size()) s += fmt::format("    and {} more: --all\n", fits.size() - n);
    return s;
}

std::string ruled_out(const Advised& a, bool all) {
    const auto& out = a.advice.ruled_out;
    if (out.empty()) return {};
    auto s = "\n" + styled("Ruled out", "1") + "\n";
    std::vector<std::vector<std::string>> cells;
    const auto n = all ? out.size() : std::min(out.size(), few);
    for (std::size_t i = 0; i < n; ++i)
        for (const auto& r : out[i].against) {
            const bool first = &r == &out[i].against.front();
            if (!first && !all) break;
            cells.push_back({"   ", first ? out[i].subject->name : "",
                             fmt::format("{} (asked: {})", r.why, phrase(r.need, a.needs))});
        }
    for (const auto& line : layout(cells, {false, false, false})) s += line + "\n";
    if (n < out.size()) s += fmt::format("    and {} more: --all\n", out.size() - n);
    return s;
}

std::string nothing(const Advised& a, bool all) {
    auto s = styled("No means has all of this at once: ", "1") + phrases(a.advice.conflict, a.needs) + ".\n";
    std::vector<std::string> options;
    for (const auto n : a.advice.conflict)
        if (auto text = option(n, a.needs); !text.empty()) options.push_back(std::move(text));
    s += fmt::format("Without one of {} there is an answer; or use two means.\n\n", joined(options, ", ")) +
         styled("What comes nearest", "1") + "\n";
    std::vector<std::vector<std::string>> cells;
    const auto& out = a.advice.ruled_out;
    const auto n = all ? out.size() : std::min(out.size(), few);
    for (std::size_t i = 0; i < n; ++i) {
        std::vector<std::string> lacks;
        for (const auto& r : out[i].against)
            lacks.push_back(fmt::format("{} (asked: {})", r.why, phrase(r.need, a.needs)));
        cells.push_back({"   ", out[i].subject->name, joined(lacks, "; ")});
    }
    for (const auto& line : layout(cells, {false, false, false})) s += line + "\n";
    if (n < out.size()) s += fmt::format("    and {} more: --all\n", out.size() - n);
    return s;
}

Json figure_json(const std::optional<advice::Figure>& f) {
    if (!f) return nullptr;
    return {
        {"value", f->value}, {"from_size", f->from}, {"to_size", f->to}, {"spread", f->spread}, {"within", f->within}};
}

Json judged_json(const Judged& j) {
    const auto& s = *j.subject;
    Json out{{"name", s.name},
             {"means", s.offer->means},
             {"pattern", s.bare() ? Json(nullptr) : Json(name(s.pattern))},
             {"uri", s.example},
             {"summary", s.summary},
             {"latency_ns", figure_json(j.time)},
             {"per_second", figure_json(j.rate)},
             {"burdens", Json::array()}};
    for (const auto& b : j.burdens) out["burdens"].push_back(b.what);
    return out;
}

Json rejected_json(const Judged& j, const advice::Needs& w) {
    Json out{{"name", j.subject->name}, {"reasons", Json::array()}};
    for (const auto& r : j.against)
        out["reasons"].push_back({{"need", phrase(r.need, w)}, {"option", option(r.need, w)}, {"why", r.why}});
    return out;
}

Json needs_json(const std::vector<advice::Need>& needs, const advice::Needs& w) {
    auto all = Json::array();
    for (const auto n : needs) all.push_back({{"need", phrase(n, w)}, {"option", option(n, w)}});
    return all;
}

}  // namespace

std::string as_text(const Advised& a, bool all) {
    if (a.advice.fits.empty()) return nothing(a, all);
    const auto s = fitted(*a.advice.fits[0].subject, a.needs);
    std::string out = fmt::format("{}: {}\n    {}\n\n", styled(s.name, "1"), s.summary, s.example);
    out += wrapped(why(a)) + wrapped(measured(a)) + "\n" + styled("What hurts", "1") + "\n";
    for (const auto& h : hurts(s, a.needs)) out += fmt::format("    {}\n", h);
    out += runners_up(a, all) + ruled_out(a, all);
    out += "\n" + styled("In C++", "1") + "\n" + indented(shown_cpp(s));
    return out + "\n" + styled("In a shell", "1") + "\n" + indented(shown_shell(s));
}

Json as_json(const Advised& a) {
    Json out{{"schema", "wye.advise/1"}, {"needs", needs_json(asked(a.needs), a.needs)}, {"size", a.advice.size}};
    out["figures"] = nullptr;
    if (a.figures) out["figures"] = {{"file", a.figures->file}, {"said", a.figures->said}};
    out["answer"] = nullptr;
    if (!a.advice.fits.empty()) {
        const auto& best = a.advice.fits[0];
        auto j = judged_json(best);
        j["why"] = why(a);
        j["hurts"] = hurts(*best.subject, a.needs);
        j["cpp"] = shown_cpp(fitted(*best.subject, a.needs));
        j["shell"] = shown_shell(fitted(*best.subject, a.needs));
        out["answer"] = std::move(j);
    }
    out["runners_up"] = Json::array();
    for (std::size_t i = 1; i < a.advice.fits.size(); ++i) {
        auto j = judged_json(a.advice.fits[i]);
        j["why_later"] = ahead(a.advice.fits[0], a.advice.fits[i]);
        out["runners_up"].push_back(std::move(j));
    }
    out["ruled_out"] = Json::array();
    for (const auto& j : a.advice.ruled_out) out["ruled_out"].push_back(rejected_json(j, a.needs));
    out["conflict"] = needs_json(a.advice.conflict, a.needs);
    return out;
}

std::string hurts_as_markdown() {
    std::string s = "| means | not for | what hurts |\n|---|---|---|\n";
    for (const auto& o : advice::offers())
        s += fmt::format("| `{}{}` | {} | {} |\n", o.means, o.traits.scheme.empty() ? ":" : "", o.not_for, o.hurts);
    return s;
}

}  // namespace wye::cli
