// Which means serves these needs: what rules each of the others out, and of those that are left the order. Knows no
// terminal and no file: figures and the machine's limits are handed in.
#pragma once
#include "measure/figures.hpp"
#include "measure/needs.hpp"
#include "measure/offer.hpp"

#include <functional>
#include <string>
#include <vector>

namespace wye::advice {

struct Reason {
    Need need;
    std::string why;  ///< one sentence without its full stop; names the need by what it says
};

/// What makes it less fit, though it serves.
struct Burden {
    unsigned weight;
    std::string_view what;
};

struct Judged {
    const Subject* subject = nullptr;
    std::vector<Reason> against;  ///< empty: it serves
    std::vector<Burden> burdens;
    std::optional<Figure> time, rate;  ///< of a message, of the wanted size
    unsigned weight() const noexcept;
};

/// The ceiling of a limit of the kernel by its name; nullopt where it is not known.
using Limits = std::function<std::optional<std::uint64_t>(std::string_view)>;
Limits limits_here();

struct Advice {
    std::uint64_t size = 0;         ///< that the figures are for
    std::vector<Judged> fits;       ///< the best first
    std::vector<Judged> ruled_out;  ///< the nearest first
    /// Where nothing fits: needs that cannot all be had, each of which would have to be given up for the others.
    std::vector<Need> conflict;
};

Advice advise(const Needs&, const Figures* = nullptr, const Limits& = limits_here());

/// What is measured of it (wye bench): "latency", "fanout".
std::string_view workload(const Subject&, bool of_rate) noexcept;

// The parts: rules.cpp and burdens.cpp.
std::vector<Reason> reasons_against(const Subject&, const Needs&, const Limits&);
std::vector<Burden> burdens_of(const Subject&, const Needs&);
/// How far it keeps what was sent.
Kept keeps(const Subject&) noexcept;

/// Why `a` stands before `b`.
std::string ahead(const Judged& a, const Judged& b);
/// The same with the lines that do what is needed, where it has several.
Subject fitted(Subject, const Needs&);
/// From here on a copy costs more than all calls.
inline constexpr std::uint64_t large = 1 << 20;

/// What to mind with it where this is needed, a sentence each.
std::vector<std::string> hurts(const Subject&, const Needs&);

}  // namespace wye::advice
