// The two kinds of pictures that wye bench draws: rows, and lines.
#pragma once
#include "bench_figures.hpp"

#include <span>

namespace wye::cli::drawing {

using Format = std::function<std::string(double)>;

struct Ref {
    const char* name;
    std::optional<double> at;
};

struct Gauge {
    std::string title;
    const char *key, *high;  // high: where a whisker ends, or nullptr
    Format format;
    bool log;
    std::vector<Ref> refs;
};

/// A row a means, sorted by the first column; each gauge has a scale of its own. "" where there is nothing to draw.
std::string rows_picture(const Json& results, std::string_view title, std::string_view about, std::vector<Case> rows,
                         const std::vector<Gauge>& gauges);

struct Panel {
    std::string title;
    const char *x, *y;
    Format x_format, y_format;
    bool binary;
};

/// A line a means, its name at its end. "" where there is nothing to draw.
std::string lines_picture(const Json& results, std::string_view title, std::string_view about,
                          const std::vector<Case>& cases, std::span<const Panel> panels);

}  // namespace wye::cli::drawing
