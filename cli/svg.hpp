// A picture in lines, dots and words: light or dark as its reader has it, and nothing in it but what is put there.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wye::cli::svg {

/// A stranger's words as the text of an element or the value of an attribute.
std::string xml(std::string_view untrusted);

/// At most so many characters, of which the last is "…" where some were left out.
std::string cut(std::string_view text, std::size_t most);

/// Where a value lies between two places.
class Scale {
public:
    /// `log`: all values are greater than 0.
    Scale(double low, double high, double from, double to, bool log);
    double operator()(double value) const;
    /// Round values between the ends, some four or five.
    std::vector<double> ticks() const;
    /// The same in powers of two, for bytes.
    std::vector<double> binary_ticks() const;

private:
    double low_, high_, from_, to_;
    bool log_;
};

/// For words that would lie upon another: each as near to where it belongs as can be, `height` from the next.
std::vector<double> apart(std::span<const double> wanted, double top, double bottom, double height);

enum class Anchor { start, middle, end };

/// `look` is a class of the style sheet in svg.cpp: ink, soft, rule, thin, ref, or a group's name.
class Picture {
public:
    Picture(std::string_view title, double width, double height);
    void words(double x, double y, std::string_view text, std::string_view look, Anchor = Anchor::start, int size = 12);
    void line(double x1, double y1, double x2, double y2, std::string_view look);
    void box(double x, double y, double width, double height, std::string_view look);
    /// Round for wye, a diamond for the kernel, a square for a peer: groups differ without their colour too.
    void dot(double x, double y, std::string_view group);
    void path(std::span<const std::pair<double, double>> points, std::string_view group);
    std::string done() &&;

private:
    std::string text_;
};

}  // namespace wye::cli::svg
