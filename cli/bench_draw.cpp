#include "bench_draw.hpp"

#include "svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace wye::cli::drawing {
namespace {

using svg::Anchor;
using svg::Picture;
using svg::Scale;

constexpr double width = 900, row_height = 20, name_end = 168, top = 88;

// Whose figures these are stands in each picture: it will be seen without the others.
std::string origin(const Json& results) {
    const auto machine = results.value("machine", Json::object());
    std::string out = machine.is_object() ? wording(machine, "cpu") : "";
    if (machine.is_object() && !wording(machine, "kernel").empty()) out += ", Linux " + wording(machine, "kernel");
    if (machine.is_object() && !wording(machine, "virtual").empty()) out += ", virtual";
    out += fmt::format("; wye {}, {}", wording(results, "wye"), wording(results, "made").substr(0, 10));
    if (const auto complete = results.find("complete"); complete != results.end() && *complete == false)
        out += ", ended early";
    return out;
}

void frame(Picture& p, const Json& results, std::string_view title, std::string_view about, double height) {
    p.words(20, 32, title, "ink", Anchor::start, 17);
    p.words(20, 50, about, "soft");
    double x = 24;
    for (const auto& [group, name] :
         {std::pair("wye", "wye"), std::pair("kernel", "bare kernel"), std::pair("peer", "peers")}) {
        p.dot(x, height - 18, group);
        p.words(x + 10, height - 14, name, "soft");
        x += 40 + 7 * static_cast<double>(std::string_view(name).size());
    }
    p.words(width - 20, height - 14, svg::cut(origin(results), 100), "soft", Anchor::end, 11);
}

// The ends of what is drawn in a column; nothing where there is nothing to draw.
std::optional<std::pair<double, double>> ends(const std::vector<Case>& rows, const Gauge& c) {
    std::vector<double> all;
    for (const auto& r : rows)
        for (const auto* key : {c.key, c.high})
            if (key != nullptr)
                if (const auto v = r[key]; v && (*v > 0 || !c.log)) all.push_back(*v);
    if (all.empty()) return {};
    for (const auto& ref : c.refs)
        if (ref.at && *ref.at > 0) all.push_back(*ref.at);
    const auto [low, high] = std::ranges::minmax(all);
    if (!c.log) return std::pair(0.0, high > 0 ? high * 1.02 : 1.0);
    return std::pair(low / 1.3, high * 1.15);
}

void gauge(Picture& p, const std::vector<Case>& rows, const Gauge& c, double left, double right) {
    const auto range = ends(rows, c);
    if (!range) return;
    const Scale at(range->first, range->second, left, right, c.log);
    const double bottom = top + row_height * static_cast<double>(rows.size());
    for (const double t : at.ticks()) {
        p.line(at(t), top - 4, at(t), bottom, "rule");
        p.words(at(t), bottom + 16, c.format(t), "soft", Anchor::middle, 11);
    }
    for (const auto& ref : c.refs)
        if (ref.at && *ref.at > 0) {
            p.line(at(*ref.at), top - 4, at(*ref.at), bottom, "ref");
            p.words(at(*ref.at), top - 8, ref.name, "ref", Anchor::middle);
        }
    p.words(left, top - 12, c.title, "ink");
    double y = top + row_height / 2;
    for (const auto& r : rows) {
        if (const auto v = r[c.key]; v && (*v > 0 || !c.log)) {
            const auto high = c.high != nullptr ? r[c.high] : std::nullopt;
            if (high && *high > *v) {
                p.line(at(*v), y, at(*high), y, r.group);
                p.line(at(*high), y - 4, at(*high), y + 4, r.group);
            }
            if (c.log)
                p.dot(at(*v), y, r.group);
            else
                p.box(left, y - 5, std::max(1.0, at(*v) - left), 10, r.group);
            p.words(right + 8, y + 4, c.format(*v), "ink");
        }
        y += row_height;
    }
}

using Points = std::vector<std::pair<double, double>>;
struct Series {
    std::string means, group;
    Points points;
};

std::vector<Series> series_of(const std::vector<Case>& cases, const Panel& panel) {
    std::vector<Series> out;
    for (const auto& c : cases) {
        const auto x = c[panel.x], y = c[panel.y];
        if (!x || !y || !(*x > 0) || !(*y > 0)) continue;
        auto found = std::ranges::find(out, c.means, &Series::means);
        if (found == out.end()) found = out.insert(out.end(), {c.means, c.group, {}});
        found->points.emplace_back(*x, *y);
    }
    for (auto& s : out) std::ranges::sort(s.points);
    return out;
}

std::pair<double, double> span_of(const std::vector<Series>& all, double Points::value_type::* part) {
    double low = HUGE_VAL, high = 0;
    for (const auto& s : all)
        for (const auto& at : s.points) low = std::min(low, at.*part), high = std::max(high, at.*part);
    return {low, high};
}

void axes(Picture& p, const std::vector<Series>& all, const Panel& panel, const Scale& x, const Scale& y, double left,
          double right, double bottom) {
    for (const double t : panel.binary ? y.binary_ticks() : y.ticks()) {
        p.line(left, y(t), right, y(t), "rule");
        p.words(left - 8, y(t) + 4, panel.y_format(t), "soft", Anchor::end, 11);
    }
    std::set<double> steps;
    for (const auto& s : all)
        for (const auto& at : s.points) steps.insert(at.first);
    const std::size_t every = (steps.size() + 5) / 6;
    std::size_t n = 0;
    for (const double step : steps) {
        if (n++ % every != 0) continue;
        p.line(x(step), top, x(step), bottom, "rule");
        p.words(x(step), bottom + 16, panel.x_format(step), "soft", Anchor::middle, 11);
    }
}

void lines(Picture& p, const std::vector<Series>& all, const Panel& panel, double left, double right, double bottom) {
    const auto [low_x, high_x] = span_of(all, &Points::value_type::first);
    const auto [low_y, high_y] = span_of(all, &Points::value_type::second);
    const Scale x(low_x, std::max(high_x, low_x * 2), left + 8, right - 8, true),
        y(low_y / 1.3, high_y * 1.3, bottom, top, true);
    p.words(left, top - 12, panel.title, "ink");
    axes(p, all, panel, x, y, left, right, bottom);
    std::vector<double> wanted;
    for (const auto& s : all) wanted.push_back(y(s.points.back().second));
    const auto placed = svg::apart(wanted, top, bottom, 13);
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto& s = all[i];
        Points at;
        for (const auto& [px, py] : s.points) at.emplace_back(x(px), y(py));
        p.path(at, s.group);
        for (const auto& [px, py] : at) p.box(px - 2, py - 2, 4, 4, s.group);
        // Fainter where it comes from the middle: it is no figure.
        p.line(at.back().first + 3, at.back().second, right + 14, placed[i],
               at.back().first < right - 30 ? "rule" : "thin");
        p.words(right + 17, placed[i] + 4, svg::cut(s.means, 18), s.group, Anchor::start, 11);
    }
}

}  // namespace

std::string rows_picture(const Json& results, std::string_view title, std::string_view about, std::vector<Case> rows,
                         const std::vector<Gauge>& gauges) {
    const auto* key = gauges.front().key;
    std::erase_if(rows, [&](const Case& r) { return !r[key] || (gauges.front().log && !(*r[key] > 0)); });
    std::set<std::string> seen;
    std::erase_if(rows, [&](const Case& r) { return !seen.insert(r.means).second; });
    if (rows.empty()) return {};
    std::ranges::sort(rows, {}, [&](const Case& r) { return std::pair(*r[key], std::string_view(r.means)); });
    const double height = top + row_height * static_cast<double>(rows.size()) + 58;
    Picture p(title, width, height);
    frame(p, results, title, about, height);
    double y = top + row_height / 2 + 4;
    for (const auto& r : rows) {
        p.words(name_end, y, svg::cut(r.means, 22), "ink", Anchor::end);
        y += row_height;
    }
    const double each = (width - name_end - 20) / static_cast<double>(gauges.size());
    for (std::size_t i = 0; i < gauges.size(); ++i) {
        const double left = name_end + 12 + each * static_cast<double>(i);
        gauge(p, rows, gauges[i], left, left + each - 88);
    }
    return std::move(p).done();
}

std::string lines_picture(const Json& results, std::string_view title, std::string_view about,
                          const std::vector<Case>& cases, std::span<const Panel> panels) {
    std::vector<std::vector<Series>> all;
    std::size_t most = 0;
    for (const auto& panel : panels) {
        all.push_back(series_of(cases, panel));
        most = std::max(most, all.back().size());
    }
    if (most == 0) return {};
    const double bottom = top + std::max(260.0, 13.0 * static_cast<double>(most));
    Picture p(title, width, bottom + 58);
    frame(p, results, title, about, bottom + 58);
    const double each = (width - 20) / static_cast<double>(panels.size());
    for (std::size_t i = 0; i < panels.size(); ++i)
        if (!all[i].empty()) {
            const double left = each * static_cast<double>(i) + 84;
            lines(p, all[i], panels[i], left, left + each - 84 - 128, bottom);
        }
    return std::move(p).done();
}

}  // namespace wye::cli::drawing
