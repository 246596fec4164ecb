#include "measure/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace wye::measure {
namespace {

constexpr double least = .05;

std::string key_of(const Json& r) {
    std::string key;
    for (const auto* part : {"means", "workload", "wait", "size", "parties", "rate", "gap_ns"}) {
        const auto& v = r.at(part);
        if (!v.is_null()) key += (key.empty() ? "" : " ") + (v.is_string() ? v.get<std::string>() : v.dump());
    }
    // Not in what was kept before there was any.
    if (const auto n = r.find("at_once"); n != r.end() && !n->is_null()) key += " " + n->dump() + " at once";
    return key;
}

std::map<std::string, const Json*> rows_of(const Json& j) {
    std::map<std::string, const Json*> rows;
    for (const auto& r : j.at("results")) rows[key_of(r)] = &r;
    return rows;
}

template <class T>
T or_zero(const Json& v) {
    return v.is_null() ? T{} : v.get<T>();
}

Difference difference(const Json& a, const Json& b) {
    Difference d{.means = a.at("means"),
                 .workload = a.at("workload"),
                 .wait = or_zero<std::string>(a.at("wait")),
                 .size = a.at("size"),
                 .parties = a.at("parties"),
                 .rate = or_zero<double>(a.at("rate")),
                 .gap_ns = or_zero<std::uint64_t>(a.at("gap_ns")),
                 .before = figure_of(a),
                 .after = figure_of(b)};
    d.noise = std::hypot(or_zero<double>(a.at("spread")), or_zero<double>(b.at("spread")));
    if (d.before <= 0 || d.after <= 0) return d;
    d.change = d.after / d.before - 1;
    // What became half and what became double are as far from one another.
    if (std::abs(std::log(d.after / d.before)) > std::max(least, std::log1p(d.noise)))
        d.verdict = d.change < 0 ? Difference::Verdict::better : Difference::Verdict::worse;
    return d;
}

void warn(Comparison& c, const Json& before, const Json& after) {
    for (const auto* part : {"cpu", "processors", "kernel", "virtual"})
        if (before.at("machine").at(part) != after.at("machine").at(part))
            c.warnings.push_back(std::string(part) + " of the machine: " + before.at("machine").at(part).dump() +
                                 ", then " + after.at("machine").at(part).dump());
    if (before.at("mode") != after.at("mode"))
        c.warnings.push_back("one was measured " + before.at("mode").get<std::string>() + ", the other " +
                             after.at("mode").get<std::string>());
    for (const auto* j : {&before, &after})
        if (!j->at("complete").get<bool>()) c.warnings.push_back("one of them was broken off");
    const auto f = before.at("floor").at("line_ns"), g = after.at("floor").at("line_ns");
    if (f.is_number() && g.is_number() && f.get<double>() > 0 && std::abs(g.get<double>() / f.get<double>() - 1) > .2)
        c.warnings.push_back("the machine itself was not the same: a cache line took " + f.dump() + " ns, then " +
                             g.dump());
}

}  // namespace

double figure_of(const Json& row) {
    const auto& v = row.at(by_rate(row.at("workload").get<std::string>()) ? "ns" : "p50");
    return v.is_number() ? v.get<double>() : 0;
}

Result<Comparison> compare(const Json& before, const Json& after) {
    try {
        for (const auto* j : {&before, &after})
            if (!j->is_object() || j->value("schema", "") != "wye.bench/1")
                return refuse(Errc::mismatch, "is no result of wye bench (schema wye.bench/1)");
        Comparison c;
        const auto a = rows_of(before), b = rows_of(after);
        for (const auto& [key, row] : a)
            if (const auto there = b.find(key); there != b.end())
                c.rows.push_back(difference(*row, *there->second));
            else
                c.only_before.push_back(key);
        for (const auto& [key, row] : b)
            if (!a.contains(key)) c.only_after.push_back(key);
        warn(c, before, after);
        std::ranges::sort(c.rows, {}, [](const Difference& d) {
            return std::tuple(-std::abs(d.change), std::string_view(d.means), std::string_view(d.workload), d.size);
        });
        return c;
    } catch (const nlohmann::json::exception& e) {
        return refuse(Errc::mismatch, std::string("is no result of wye bench: ") + e.what());
    }
}

}  // namespace wye::measure
