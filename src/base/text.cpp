#include "wye/base/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace wye {
namespace {

// Length of the UTF-8 sequence at s[i], 0 when it is not one. Overlong forms are none: a lax terminal would read a
// control character out of them. (Surrogates are not checked: they only print badly.)
std::size_t utf8_length(std::string_view s, std::size_t i) {
    const auto lead = static_cast<unsigned char>(s[i]);
    const std::size_t n = lead >= 0xf0 && lead < 0xf5 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
    if (n == 0 || (lead >= 0xf5) || i + n > s.size()) return 0;
    for (std::size_t k = 1; k < n; ++k)
        if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return 0;
    const auto second = static_cast<unsigned char>(s[i + 1]);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90)) return 0;
    if (lead == 0xc2 && second < 0xa0) return 0;  // C1 controls
    return n;
}

std::optional<double> parse_decimal(std::string_view s) {
    double v = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), v, std::chars_format::fixed);
    if (ec != std::errc() || end != s.data() + s.size() || !std::isfinite(v) || v < 0) return {};
    return v;
}

}  // namespace

std::string escape(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for (std::size_t i = 0; i < s.size();) {
        const auto c = static_cast<unsigned char>(s[i]);
        const auto n = c < 0x80 ? (c >= 0x20 && c != 0x7f ? 1 : 0) : utf8_length(s, i);
        if (n == 0) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", c);
            out += hex;
            ++i;
        } else {
            out.append(s, i, n);
            i += n;
        }
    }
    return out;
}

std::optional<std::uint64_t> parse_number(std::string_view s) {
    int base = 10;
    if (s.starts_with("0x") || s.starts_with("0X")) base = 16, s.remove_prefix(2);
    std::uint64_t v = 0;
    const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), v, base);
    if (s.empty() || ec != std::errc() || end != s.data() + s.size()) return {};
    return v;
}

std::optional<std::uint64_t> parse_size(std::string_view s) {
    if (const auto plain = parse_number(s)) return plain;  // first: the B of 0x1B is a digit
    const bool binary = s.ends_with("iB");
    if (binary)
        s.remove_suffix(2);
    else if (s.ends_with("B"))
        s.remove_suffix(1);
    if (s.empty()) return {};
    int shift = 0;
    switch (s.back()) {
        case 'k':
        case 'K':
            shift = 10;
            break;
        case 'm':
        case 'M':
            shift = 20;
            break;
        case 'g':
        case 'G':
            shift = 30;
            break;
        case 't':
        case 'T':
            shift = 40;
            break;
        default:
            break;
    }
    if (binary && shift == 0) return {};  // "1iB" is no unit
    if (shift) s.remove_suffix(1);
    const auto v = parse_number(s);
    if (!v || *v > (UINT64_MAX >> shift)) return {};
    return *v << shift;
}

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view s) {
    struct Unit {
        std::string_view suffix;
        double ns;
    };
    static constexpr Unit units[] = {{"ns", 1},   {"us", 1e3},   {"ms", 1e6},   {"s", 1e9},
                                     {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    double scale = 1e9;
    for (const auto& u : units) {
        if (!s.ends_with(u.suffix)) continue;
        s.remove_suffix(u.suffix.size());
        scale = u.ns;
        break;
    }
    const auto v = parse_decimal(s);
    if (!v || *v * scale > 9e18) return {};
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(*v * scale)));
}

std::string human_size(double bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t u = 0;
    for (; bytes >= 1024 && u + 1 < std::size(units); ++u) bytes /= 1024;
    char text[32];
    std::snprintf(text, sizeof text, u == 0 ? "%.0f %s" : "%.1f %s", bytes, units[u]);
    return text;
}

std::string human_time(double ns) {
    char text[32];
    if (ns < 1e3)
        std::snprintf(text, sizeof text, "%.0f ns", ns);
    else if (ns < 1e6)
        std::snprintf(text, sizeof text, "%.1f us", ns / 1e3);
    else if (ns < 1e9)
        std::snprintf(text, sizeof text, "%.1f ms", ns / 1e6);
    else
        std::snprintf(text, sizeof text, "%.2f s", ns / 1e9);
    return text;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before, above(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before = std::exchange(above, row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1] ? 1u : 0u)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
    }
    return row[b.size()];
}

}  // namespace wye
