#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace wye::measure {

/// How often each time was seen, as HdrHistogram counts (Tene, hdrhistogram.org): 128 steps a doubling, so that every
/// answer is within 0.8 % of what was put in, from 0 to 2^64, in 60 KB and without memory being asked for. Plain
/// memory: it may lie in pages that two processes share, and is one writer's at a time.
class Histogram {
public:
    void add(std::uint64_t v, std::uint64_t times = 1) noexcept {
        counts_[place_of(v)] += times;
        total_ += times;
        if (v > largest_) largest_ = v;
    }
    void add(const Histogram&) noexcept;
    void clear() noexcept { *this = {}; }

    std::uint64_t total() const noexcept { return total_; }
    std::uint64_t largest() const noexcept { return largest_; }  // exact
    double mean() const noexcept;
    /// So that `part` (0 to 1) of what was added is no larger. 0 where nothing was.
    double at(double part) const noexcept;
    /// The median, finer than the steps: the mean of the middle fifth.
    double middle() const noexcept;

    /// For another process: where something is, and how often.
    using Sparse = std::vector<std::pair<std::uint32_t, std::uint64_t>>;
    Sparse sparse() const;
    /// False, and nothing added, where `s` is none of ours.
    bool add(const Sparse& s, std::uint64_t largest) noexcept;

    static constexpr unsigned bits = 7;
    static constexpr std::uint64_t steps = 1u << bits;
    static constexpr std::size_t places = 2 * steps + (64 - bits - 1) * steps;
    static constexpr std::size_t place_of(std::uint64_t v) noexcept {
        if (v < 2 * steps) return v;
        const auto e = static_cast<unsigned>(std::bit_width(v)) - bits - 1;
        return 2 * steps + (e - 1) * steps + (v >> e) - steps;
    }
    /// The middle of what is counted there.
    static constexpr double value_of(std::size_t place) noexcept {
        if (place < 2 * steps) return static_cast<double>(place);
        const auto e = (place - 2 * steps) / steps + 1, step = (place - 2 * steps) % steps + steps;
        return (static_cast<double>(step) + .5) * static_cast<double>(std::uint64_t{1} << e);
    }

private:
    std::array<std::uint64_t, places> counts_{};
    std::uint64_t total_ = 0, largest_ = 0;
};

}  // namespace wye::measure
