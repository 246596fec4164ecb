#include "bench_figures.hpp"

#include <cmath>

namespace wye::cli::drawing {

std::optional<double> figure(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) return {};
    const auto value = found->get<double>();
    if (value != 0 && !(std::abs(value) > 1e-9 && std::abs(value) < 1e21)) return {};
    return value;
}

std::string wording(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<Case> cases_of(const Json& results, std::string_view workload) {
    std::map<std::string, std::string> groups;
    if (const auto means = results.find("means"); means != results.end() && means->is_array())
        for (const auto& m : *means)
            if (m.is_object()) groups.emplace(wording(m, "name"), wording(m, "group"));
    std::vector<Case> out;
    const auto all = results.find("results");
    if (all == results.end() || !all->is_array()) return out;
    for (const auto& r : *all) {
        if (!r.is_object() || wording(r, "workload") != workload) continue;
        auto name = wording(r, "means");
        const auto group = groups.find(name);
        const bool known = group != groups.end() && (group->second == "kernel" || group->second == "peer");
        out.push_back({.means = std::move(name), .group = known ? group->second : "wye", .result = &r});
    }
    return out;
}

std::optional<double> keep(std::vector<Case>& cases, const char* key, double wanted) {
    std::optional<double> least;
    bool there = false;
    for (const auto& c : cases)
        if (const auto v = c[key]) {
            there = there || *v == wanted;
            least = std::min(least.value_or(*v), *v);
        }
    const auto chosen = there ? wanted : least;
    std::erase_if(cases, [&](const Case& c) { return c[key] != chosen; });
    return chosen;
}

}  // namespace wye::cli::drawing
