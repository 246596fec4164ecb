#include "top_cells.hpp"

#include <wchar.h>

#include <algorithm>
#include <bit>

namespace wye::cli {
namespace {

// One character of UTF-8 text, taken off it.
wchar_t take(std::string_view& s) {
    const auto first = static_cast<unsigned char>(s[0]);
    const std::size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t c = n == 1 ? first : first & (0xffu >> (n + 1));
    for (std::size_t i = 1; i < n && i < s.size(); ++i) c = c << 6 | (static_cast<unsigned char>(s[i]) & 0x3fu);
    s.remove_prefix(std::min(n, s.size()));
    return static_cast<wchar_t>(c);
}

// How much room each column asks for, in the order of the screen. Those of width 0 share what is left.
struct Wish {
    const char* key;
    int width;
    int from;   // the narrowest screen that shows it
    int share;  // of what is left, per cent
};
constexpr Wish wishes[] = {
    {"kind", 10, 0, 0},     {"name", 0, 0, 36}, {"owner", 8, 96, 0}, {"size", 6, 64, 0},    {"use", 0, 36, 30},
    {"holders", 0, 52, 34}, {"age", 4, 64, 0},  {"state", 9, 26, 0}, {"change", 8, 110, 0},
};
constexpr int wide = 110;  // has state and change apart

}  // namespace

std::string Cells::fitted(std::string_view text, int width, bool right) const {
    if (width <= 0) return {};
    const auto room = static_cast<std::size_t>(width);
    std::string out, cut;  // `cut`: what is kept if there is too much
    std::size_t used = 0, cut_used = 0;
    bool fits = true;
    while (!text.empty()) {
        auto piece = text;
        const auto c = take(text);
        piece.remove_suffix(text.size());
        int w = utf8_ || c < 0x80 ? ::wcwidth(c) : -1;
        if (w < 0) piece = "?", w = 1;
        if (used + static_cast<std::size_t>(w) > room) {
            fits = false;
            break;
        }
        out += piece, used += static_cast<std::size_t>(w);
        if (used < room) cut = out, cut_used = used;
    }
    if (!fits) {
        out = cut + (utf8_ ? "\u2026" : "~");
        used = cut_used + 1;
    }
    const std::string pad(room - used, ' ');
    return right ? pad + out : out + pad;
}

const std::vector<Cells::Place>& Cells::places(const TopModel& m, int width) {
    if (width == width_) return places_;
    width_ = width;
    places_.clear();
    int left = width, shares = 0;
    for (const auto& w : wishes) {
        if (width < w.from) continue;
        left -= w.width + (places_.empty() ? 0 : 1);
        shares += w.share;
        places_.push_back({m.column(w.key), w.width});
    }
    int given = 0;
    Place* last = nullptr;
    for (auto& p : places_) {
        if (p.width != 0) continue;
        const auto* w = std::ranges::find(wishes, std::string_view(p.column->key),
                                          [](const Wish& x) { return std::string_view(x.key); });
        p.width = std::max(left * w->share / shares, 1);
        given += p.width, last = &p;
    }
    if (last) last->width = std::max(last->width + left - given, 1);
    return places_;
}

std::string Cells::titles(const TopModel& m, int width) {
    std::string line;
    for (const auto& p : places(m, width))
        line += (line.empty() ? "" : " ") + fitted(p.column->title, p.width, p.column->right);
    return line;
}

std::string Cells::row(const TopRow& r, const TopModel& m, int width) {
    std::string line;
    for (const auto& p : places(m, width)) {
        auto text = p.column->text ? p.column->text(r) : plain(p.column->value(r));
        // Where there is no room for both, what changed is of more interest.
        if (width < wide && std::string_view(p.column->key) == "state")
            if (auto change = change_text(r); !change.empty()) text = std::move(change);
        line += (line.empty() ? "" : " ") + fitted(text, p.width, p.column->right);
    }
    return line;
}

void Cells::append(std::string& text, wchar_t c) {
    const auto u = std::bit_cast<std::uint32_t>(c);
    const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
    if (u < 0x80) return put(u);
    if (u < 0x800) return put(0xc0 | u >> 6), put(0x80 | (u & 0x3f));
    if (u < 0x10000) return put(0xe0 | u >> 12), put(0x80 | (u >> 6 & 0x3f)), put(0x80 | (u & 0x3f));
    put(0xf0 | u >> 18), put(0x80 | (u >> 12 & 0x3f)), put(0x80 | (u >> 6 & 0x3f)), put(0x80 | (u & 0x3f));
}

void Cells::drop_last(std::string& text) {
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80) text.pop_back();
    if (!text.empty()) text.pop_back();
}

}  // namespace wye::cli
