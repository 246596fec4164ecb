#include "svg.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wye::cli::svg {
namespace {

// The colours of the page (page/bench/style.css): blue, grey and orange differ for every eye, by brightness too.
// Written out, for not everything that draws SVG knows variables.
constexpr std::string_view style = R"(
text { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.paper { fill: #ffffff; } .ink { fill: #1d2126; } .soft { fill: #59616b; }
line { stroke-width: 1; } .rule { stroke: #e1e4e8; } .thin { stroke: #9aa1a9; stroke-width: 0.75; }
line.ref { stroke: #8a1a72; stroke-dasharray: 4 3; } text.ref { fill: #8a1a72; }
.wye { fill: #0060a8; } .kernel { fill: #5b6067; } .peer { fill: #c04a00; }
line.wye, path.wye { stroke: #0060a8; } line.kernel, path.kernel { stroke: #5b6067; } line.peer, path.peer { stroke: #c04a00; }
line.wye, line.kernel, line.peer { stroke-width: 2; }
path.wye, path.kernel, path.peer { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
path.kernel { stroke-dasharray: 8 4; } path.peer { stroke-dasharray: 2 3; }
@media (prefers-color-scheme: dark) {
.paper { fill: #14171a; } .ink { fill: #e8eaed; } .soft { fill: #a3abb5; } .rule { stroke: #2b3037; } .thin { stroke: #6d7680; }
line.ref { stroke: #e58ad0; } text.ref { fill: #e58ad0; }
.wye { fill: #5eb0f5; } .kernel { fill: #b0b6be; } .peer { fill: #f59b42; }
line.wye, path.wye { stroke: #5eb0f5; } line.kernel, path.kernel { stroke: #b0b6be; } line.peer, path.peer { stroke: #f59b42; }
}
)";

// The bytes of the character that begins at `at`; the text is UTF-8.
std::size_t length_at(std::string_view text, std::size_t at) {
    const auto c = static_cast<unsigned char>(text[at]);
    return std::min(text.size() - at, std::size_t{c < 0x80 ? 1U : c < 0xe0 ? 2U : c < 0xf0 ? 3U : 4U});
}

}  // namespace

std::string xml(std::string_view untrusted) {
    std::string out;
    const auto text = escape(untrusted);
    for (std::size_t i = 0; i < text.size(); ++i) switch (text[i]) {
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                // The two characters of UTF-8 that XML has not.
                if (const auto three = text.substr(i, 3); three == "\xef\xbf\xbe" || three == "\xef\xbf\xbf")
                    out += "\xef\xbf\xbd", i += 2;
                else
                    out += text[i];
        }
    return out;
}

std::string cut(std::string_view text, std::size_t most) {
    std::size_t at = 0, end = 0, n = 0;
    for (; at < text.size(); at += length_at(text, at))
        if (++n == most) end = at;
    return n <= most ? std::string(text) : std::string(text.substr(0, end)) + "…";
}

Scale::Scale(double low, double high, double from, double to, bool log)
    : low_(low), high_(high), from_(from), to_(to), log_(log) {}

double Scale::operator()(double value) const {
    const double share = log_ ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
    return from_ + (to_ - from_) * std::clamp(share, 0.0, 1.0);
}

std::vector<double> Scale::ticks() const {
    std::vector<double> out;
    const double decades = log_ ? std::log10(high_ / low_) : 0;
    if (decades < 0.6) {  // on either scale
        const double rough = (high_ - low_) / 4;
        if (!(rough > 0)) return {low_};
        const double unit = std::pow(10, std::floor(std::log10(rough)));
        const double step = unit * (rough <= unit ? 1 : rough <= 2 * unit ? 2 : rough <= 5 * unit ? 5 : 10);
        for (double n = std::ceil(low_ / step); n * step <= high_; ++n) out.push_back(n * step);
        return out;
    }
    for (double unit = std::pow(10, std::floor(std::log10(low_))); unit <= high_; unit *= 10)
        for (const double m : {1.0, 2.0, 3.0, 5.0})
            if ((m == 1 || (decades <= 1.6 && m != 3) || (decades > 1.6 && decades <= 3.2 && m == 3)) &&
                m * unit >= low_ && m * unit <= high_)
                out.push_back(m * unit);
    return out;
}

std::vector<double> Scale::binary_ticks() const {
    const double first = std::ceil(std::log2(low_)), last = std::floor(std::log2(high_));
    if (last - first < 2) return ticks();
    const double step = std::max(1.0, std::ceil((last - first) / 5));
    std::vector<double> out;
    for (double e = std::ceil(first / step) * step; e <= last; e += step) out.push_back(std::exp2(e));
    return out;
}

std::vector<double> apart(std::span<const double> wanted, double top, double bottom, double height) {
    struct Block {
        std::size_t first, n;
        double sum;
    };
    std::vector<std::size_t> order(wanted.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](std::size_t i) { return wanted[i]; });
    const auto start = [&](const Block& b) {
        const auto n = static_cast<double>(b.n);
        return std::min(std::max(b.sum / n - n * height / 2, top), bottom - n * height);
    };
    // What would touch becomes one block around its middle.
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < order.size(); ++i) {
        Block b{i, 1, wanted[order[i]]};
        while (!blocks.empty() && start(blocks.back()) + static_cast<double>(blocks.back().n) * height > start(b)) {
            b = {blocks.back().first, blocks.back().n + b.n, blocks.back().sum + b.sum};
            blocks.pop_back();
        }
        blocks.push_back(b);
    }
    std::vector<double> out(wanted.size());
    for (const auto& b : blocks)
        for (std::size_t i = 0; i < b.n; ++i)
            out[order[b.first + i]] = start(b) + (static_cast<double>(i) + 0.5) * height;
    return out;
}

Picture::Picture(std::string_view title, double width, double height)
    : text_(fmt::format(
          R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}" role="img">
<title>{2}</title>
<style>{3}</style>
<rect class="paper" width="{0:g}" height="{1:g}" rx="8"/>
)",
          width, height, xml(title), style)) {}

void Picture::words(double x, double y, std::string_view text, std::string_view look, Anchor anchor, int size) {
    static constexpr const char* anchors[] = {"start", "middle", "end"};
    text_ += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\" font-size=\"{}\"{}>{}</text>\n", x, y, look,
        anchors[static_cast<int>(anchor)], size, size > 14 ? " font-weight=\"600\"" : "", xml(text));
}

void Picture::line(double x1, double y1, double x2, double y2, std::string_view look) {
    text_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2,
                         y2, look);
}

void Picture::box(double x, double y, double width, double height, std::string_view look) {
    text_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n", x, y,
                         width, height, look);
}

void Picture::dot(double x, double y, std::string_view group) {
    if (group == "wye")
        text_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" class=\"wye\"/>\n", x, y);
    else
        text_ += fmt::format(
            "<rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"8\" height=\"8\" class=\"{2}\"{3}/>\n", x - 4, y - 4, group,
            group == "kernel" ? fmt::format(" transform=\"rotate(45 {:.1f} {:.1f})\"", x, y) : std::string());
}

void Picture::path(std::span<const std::pair<double, double>> points, std::string_view group) {
    std::string d;
    for (const auto& [x, y] : points) d += fmt::format("{}{:.1f} {:.1f}", d.empty() ? "M" : " L", x, y);
    text_ += fmt::format("<path d=\"{}\" class=\"{}\"/>\n", d, group);
}

std::string Picture::done() && { return std::move(text_) + "</svg>\n"; }

}  // namespace wye::cli::svg
