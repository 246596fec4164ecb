#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wye {

// Small pieces of text that errors, URIs and the command share. Numbers are strict: the whole text, or nothing.

/// What another process named, made safe to print: control characters and bytes that are not UTF-8 become \xNN.
std::string escape(std::string_view untrusted);

/// "42", "0x2a"; nullopt for anything else, also when it does not fit.
std::optional<std::uint64_t> parse_number(std::string_view);

/// "4096", "64K", "1M", "2G" (powers of 1024; a trailing "iB" or "B" is allowed).
std::optional<std::uint64_t> parse_size(std::string_view);

/// "250ms", "2s", "1.5m", "1h", "10us"; a bare number is seconds.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view);

/// "8.0 MiB": for people.
std::string human_size(double bytes);

/// "850 ns", "12.3 us", "4.5 ms": for people.
std::string human_time(double nanoseconds);

/// The candidate nearest to `word` (at most two edits away), for "did you mean"; empty when none is near.
template <class Range>
std::string_view nearest(std::string_view word, const Range& candidates);
/// Letters to be put in, taken out or changed; two neighbours that changed places are one.
std::size_t edit_distance(std::string_view, std::string_view);

template <class Range>
std::string_view nearest(std::string_view word, const Range& candidates) {
    std::string_view best;
    std::size_t least = 3;
    for (std::string_view c : candidates)
        if (const auto d = edit_distance(word, c); d < least) least = d, best = c;
    return best;
}

}  // namespace wye
