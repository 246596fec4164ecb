#include "measure/advice.hpp"

#include "os/limits/limit.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace wye::advice {
namespace {

constexpr std::uint64_t usual_size = 64;  // what the figures are for where no size was said

// A rate that was never reached at this size. Below the sizes that were measured a means may be faster than it was
// there.
std::string too_slow(const Judged& j, const Needs& w) {
    if (w.rate <= 0 || !j.rate || w.rate <= j.rate->value) return "";
    if (!j.rate->within && j.rate->from > w.size) return "";
    return "was measured at " + count_text(j.rate->value) + " messages a second here";
}

Judged judged(const Subject& s, const Needs& w, const Figures* f, const Limits& limits, std::uint64_t size) {
    Judged j{.subject = &s, .against = reasons_against(s, w, limits), .burdens = burdens_of(s, w)};
    if (!f) return j;
    for (const auto& means : {s.name, std::string(s.offer->means)}) {
        if (!j.time) j.time = time_of(*f, means, workload(s, false), size);
        if (!j.rate) j.rate = rate_of(*f, means, workload(s, true), size);
    }
    // Of a question the figure is there and back; that of a bare means is one way.
    if (j.time && w.purpose == Purpose::question && s.bare()) j.time->value *= 2;
    if (auto why = too_slow(j, w); !why.empty()) j.against.push_back({Need::rate, std::move(why)});
    return j;
}

bool rules_out(const Judged& j, const std::vector<Need>& needs) {
    return std::ranges::any_of(j.against, [&](const Reason& r) { return std::ranges::count(needs, r.need) > 0; });
}

// The smallest set that nothing serves: a need that can be left out while still nothing serves the others has no part.
std::vector<Need> conflict_of(const std::vector<Judged>& out) {
    std::vector<Need> needs;
    for (const auto& j : out)
        for (const auto& r : j.against)
            if (std::ranges::count(needs, r.need) == 0) needs.push_back(r.need);
    std::ranges::sort(needs);
    for (auto i = needs.size(); i-- > 0;) {
        auto fewer = needs;
        fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
        if (std::ranges::all_of(out, [&](const Judged& j) { return rules_out(j, fewer); })) needs = std::move(fewer);
    }
    return needs;
}

// What cannot do the job at all is further away than what does it with something missing.
std::size_t distance(const Judged& j) {
    return j.against.size() + (j.against.empty() || j.against[0].need != Need::purpose ? 0 : 100);
}

}  // namespace

unsigned Judged::weight() const noexcept {
    return std::accumulate(burdens.begin(), burdens.end(), 0u,
                           [](unsigned n, const Burden& b) { return n + b.weight; });
}

Limits limits_here() {
    return [](std::string_view name) -> std::optional<std::uint64_t> {
        const auto* l = sys::find_limit(name);
        return l ? l->ceiling.here() : std::nullopt;
    };
}

std::string_view workload(const Subject& s, bool of_rate) noexcept {
    switch (s.pattern) {
        case Pattern::pub_sub:
            return "fanout";
        case Pattern::work_queue:
            return "queue";
        case Pattern::request:
            return "request";
        case Pattern::none:
            break;
    }
    return of_rate ? "throughput" : "latency";
}

Advice advise(const Needs& w, const Figures* f, const Limits& limits) {
    Advice a{.size = w.size ? w.size : usual_size};
    for (const auto& s : subjects()) {
        auto j = judged(s, w, f, limits, a.size);
        (j.against.empty() ? a.fits : a.ruled_out).push_back(std::move(j));
    }
    // Subjects lie in the order of the house.
    std::ranges::sort(a.fits, {}, [](const Judged& j) {
        return std::tuple(j.weight(), j.time ? 0 : 1, j.time ? j.time->value : 0.0, j.subject);
    });
    std::ranges::sort(a.ruled_out, {}, [](const Judged& j) {
        return std::tuple(distance(j), !j.subject->bare(), j.weight(), j.subject);
    });
    if (a.fits.empty()) a.conflict = conflict_of(a.ruled_out);
    return a;
}

std::string ahead(const Judged& a, const Judged& b) {
    std::string more;
    for (const auto& x : b.burdens)
        if (std::ranges::none_of(a.burdens, [&](const Burden& y) { return y.what == x.what; }))
            more += (more.empty() ? "" : "; ") + std::string(x.what);
    if (b.weight() > a.weight()) return more;
    if (a.time && b.time) {
        const double apart = b.time->value / a.time->value - 1;
        return apart > std::max(a.time->spread, b.time->spread) ? "as fit, and slower here"
                                                                : "as fit, and as fast here as can be told";
    }
    if (a.time) return "as fit, and not measured here";
    return "as fit; the house takes the other first";
}

}  // namespace wye::advice
