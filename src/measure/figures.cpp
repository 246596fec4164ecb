#include "measure/figures.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace wye::advice {
namespace {

struct Point {
    double value, spread;
};
using Points = std::map<std::uint64_t, Point>;

// One figure a size: of the fewest parties, and of who sleeps while it waits, as programs do, before who polls.
Points points(const Figures& f, std::string_view means, std::string_view workload, double Measured::* value) {
    struct Best {
        unsigned rank;
        Point point;
    };
    std::map<std::uint64_t, Best> best;
    for (const auto& r : f.rows) {
        if (r.means != means || r.workload != workload || !(r.*value > 0) || !r.as_fast_as_it_goes) continue;
        const unsigned rank = 2 * r.parties + (r.wait == "poll" ? 1 : 0);
        const auto [at, is_new] = best.try_emplace(r.size, Best{rank, {r.*value, r.spread}});
        if (!is_new && rank < at->second.rank) at->second = {rank, {r.*value, r.spread}};
    }
    Points p;
    for (const auto& [size, b] : best) p[size] = b.point;
    return p;
}

std::optional<Figure> at(const Points& p, std::uint64_t size) {
    if (p.empty()) return {};
    const auto alone = [](const Points::value_type& one, bool within) {
        return Figure{one.second.value, one.first, one.first, one.second.spread, within};
    };
    const auto above = p.lower_bound(size);
    if (above == p.end()) return alone(*p.rbegin(), false);
    if (above->first == size || above == p.begin()) return alone(*above, above->first == size);
    const auto below = std::prev(above);
    const auto log_of = [](std::uint64_t n) { return std::log(static_cast<double>(n == 0 ? 1 : n)); };
    const double part = (log_of(size) - log_of(below->first)) / (log_of(above->first) - log_of(below->first));
    const double value = std::exp(std::log(below->second.value) * (1 - part) + std::log(above->second.value) * part);
    return Figure{value, below->first, above->first, std::max(below->second.spread, above->second.spread), true};
}

}  // namespace

std::optional<Figure> time_of(const Figures& f, std::string_view means, std::string_view workload, std::uint64_t size) {
    return at(points(f, means, workload, &Measured::ns), size);
}

std::optional<Figure> rate_of(const Figures& f, std::string_view means, std::string_view workload, std::uint64_t size) {
    return at(points(f, means, workload, &Measured::per_second), size);
}

std::string count_text(double v) {
    const double unit = v < 1000 ? 1 : std::pow(10.0, std::floor(std::log10(v)) - 2);
    auto digits = std::to_string(std::llround(std::round(v / unit) * unit));
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), 1, ',');
    return digits;
}

}  // namespace wye::advice
