// What was measured of the means on some machine (`wye bench`), and what that says of a size in between. Who reads the
// file is the command; here are only the figures.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wye::advice {

struct Measured {
    std::string means, workload, wait;  ///< "unix", "latency", "block"; wait is empty where it makes no difference
    std::uint64_t size = 0;
    unsigned parties = 2;
    double ns = 0;          ///< a message, one way: the median; 0: not measured
    double per_second = 0;  ///< 0: not measured
    double spread = 0;      ///< how far the rounds were apart, as a part of their median
    bool as_fast_as_it_goes = true;
};

struct Figures {
    std::string file;
    std::vector<std::string> said;  ///< what to keep in mind: of another machine, old, not complete
    std::vector<Measured> rows;
};

/// A figure for one size.
struct Figure {
    double value = 0;
    std::uint64_t from = 0, to = 0;  ///< the measured sizes it stands between; equal where it is one of them
    double spread = 0;               ///< of the worse of the two
    /// It stands between measured sizes, and not beyond them, where the nearest is all that is known.
    bool within = true;
};

/// Between two sizes on a line in the logarithms of both: costs are flat at first and then grow with the size. Beyond
/// what was measured the nearest. nullopt where nothing was.
std::optional<Figure> time_of(const Figures&, std::string_view means, std::string_view workload, std::uint64_t size);
std::optional<Figure> rate_of(const Figures&, std::string_view means, std::string_view workload, std::uint64_t size);

/// "1,230,000": no more digits than a measurement has.
std::string count_text(double);

}  // namespace wye::advice
