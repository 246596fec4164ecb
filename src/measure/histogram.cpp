#include "measure/histogram.hpp"

#include <algorithm>
#include <cmath>

namespace wye::measure {

void Histogram::add(const Histogram& o) noexcept {
    for (std::size_t i = 0; i < places; ++i) counts_[i] += o.counts_[i];
    total_ += o.total_;
    largest_ = std::max(largest_, o.largest_);
}

double Histogram::mean() const noexcept {
    if (total_ == 0) return 0;
    double sum = 0;
    for (std::size_t i = 0; i < places; ++i) sum += static_cast<double>(counts_[i]) * value_of(i);
    return sum / static_cast<double>(total_);
}

double Histogram::at(double part) const noexcept {
    if (total_ == 0) return 0;
    const auto wanted =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(total_))), 1, total_);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < places; ++i) {
        seen += counts_[i];
        if (seen >= wanted) return std::min(value_of(i), static_cast<double>(largest_));
    }
    return static_cast<double>(largest_);
}

double Histogram::middle() const noexcept {
    const double first = .4 * static_cast<double>(total_), last = std::max(.6 * static_cast<double>(total_), first + 1);
    double sum = 0, weight = 0, seen = 0;
    for (std::size_t i = 0; i < places && seen < last; ++i) {
        const auto n = static_cast<double>(counts_[i]);
        const double inside = std::min(seen + n, last) - std::max(seen, first);
        if (inside > 0) sum += inside * value_of(i), weight += inside;
        seen += n;
    }
    return weight > 0 ? sum / weight : 0;
}

Histogram::Sparse Histogram::sparse() const {
    Sparse s;
    for (std::size_t i = 0; i < places; ++i)
        if (counts_[i]) s.emplace_back(static_cast<std::uint32_t>(i), counts_[i]);
    return s;
}

bool Histogram::add(const Sparse& s, std::uint64_t largest) noexcept {
    if (std::ranges::any_of(s, [](const auto& p) { return p.first >= places; })) return false;
    for (const auto& [place, times] : s) counts_[place] += times, total_ += times;
    largest_ = std::max(largest_, largest);
    return true;
}

}  // namespace wye::measure
