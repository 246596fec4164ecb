#include "table.hpp"

#include <algorithm>
#include <numeric>

namespace wye::cli {
namespace {
std::uint32_t width(std::string_view s) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(s, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}
}  // namespace

std::vector<std::string> layout(const std::vector<std::vector<std::string>>& cells, const std::vector<bool>& right) {
    std::vector<std::uint32_t> widths(right.size()), each;  // to count characters costs as much as to put them together
    for (const auto& row : cells)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], each.emplace_back(width(row[i])));
    std::vector<std::string> lines;
    lines.reserve(cells.size());
    auto cell = each.begin();
    const auto whole = std::accumulate(widths.begin(), widths.end(), 2 * widths.size());
    for (const auto& row : cells) {
        std::string line;
        line.reserve(whole);
        for (std::size_t i = 0; i < row.size(); ++i) {
            const auto pad = widths[i] - *cell++;
            if (right[i]) line.append(pad, ' ');
            line += row[i];
            line.append(right[i] ? 2 : pad + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace wye::cli
