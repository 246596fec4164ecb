// `wye top` where there is no screen: a look after the other, as text or as lines of JSON.
#include "wye/base/text.hpp"

#include "terminal.hpp"
#include "top_model.hpp"

#include <fmt/format.h>
#include <time.h>

namespace wye::cli {
namespace {

constexpr const char* shown[] = {"kind", "name", "owner", "size", "use", "holders", "age", "state", "change"};

std::string title(const TopModel& m, const TopMoment& at) {
    auto s =
        fmt::format("wye top {}  look {}, every {}, sorted {}", clock_text(), at.round, at.interval, m.sorted_by());
    if (const auto& f = m.followed())
        s += fmt::format(", only {}[{}]{}", escape(f->comm), f->pid, f->ended ? ", which has ended" : "");
    return s;
}

std::string_view name_of(Change c) {
    constexpr std::string_view names[] = {"none", "new", "gone", "held", "let_go", "use"};
    return names[static_cast<std::size_t>(c)];
}

}  // namespace

std::string top_text(const TopModel& m, const TopMoment& at) {
    std::vector<TopColumn> columns;
    for (const auto* key : shown) columns.push_back(*m.column(key));
    auto out = fmt::format("{}\n{}\n{}\n", styled(title(m, at), "1"), m.sums(), m.kinds_line());
    const auto lines = to_lines(m.rows(), columns);
    for (std::size_t n = 0; n < lines.size(); ++n) {
        const auto change = n == 0 ? Change::none : m.rows()[n - 1].change;
        const auto* style = n == 0 ? "1" : change == Change::fresh ? "32" : change == Change::gone ? "2" : "";
        out += (*style ? styled(lines[n], style) : lines[n]) + "\n";
    }
    const auto took = static_cast<double>(m.coverage().took);
    return out + fmt::format("{}. Took {}.\n\n", coverage_line(m.coverage()), human_time(took));
}

std::string top_line(const TopModel& m, const TopMoment& at) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    Json j{{"schema", "wye.top/1"},
           {"look", at.round},
           {"time_ns", std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec},
           {"objects", m.objects()},
           {"kinds", Json::object()},
           {"waiting", m.waiting()},
           {"deadlocks", m.deadlocks()},
           {"near_limits", Json::array()}};
    for (const auto& [kind, n] : m.kinds()) j["kinds"][std::string(kind)] = n;
    for (const auto& l : m.near())
        j["near_limits"].push_back({{"name", l.name}, {"where", l.where}, {"percent", l.percent}});
    j["followed"] = nullptr;
    if (const auto& f = m.followed())
        j["followed"] = {{"pid", f->pid}, {"start", f->start}, {"comm", f->comm}, {"ended", f->ended}};
    j["items"] = Json::array();
    for (const auto& r : m.rows()) {
        auto item = json_of(*r.item);
        item["state"] = state_of(*r.item);
        item["change"] = name_of(r.change);
        item["rate"] = r.rate ? Json(*r.rate) : Json(nullptr);
        j["items"].push_back(std::move(item));
    }
    j["coverage"] = json_of(m.coverage());
    return dumped(j) + "\n";
}

}  // namespace wye::cli
