#include "pattern/nats_headers.hpp"

#include <array>
#include <charconv>

namespace wye::carrier::nats {
namespace {

constexpr std::size_t most_topics = 100'000;  // remembered; then all begin anew
constexpr std::size_t most_runs = 10'000;     // of missing places; then the oldest are given up

template <int Base = 10>
bool take_number(std::string_view& s, std::uint64_t& to) noexcept {
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), to, Base);
    if (error != std::errc()) return false;
    s.remove_prefix(static_cast<std::size_t>(end - s.data()));
    return true;
}

bool take_blank(std::string_view& s) noexcept {
    if (!s.starts_with(' ')) return false;
    s.remove_prefix(1);
    return true;
}

}  // namespace

std::string Number::text() const {
    std::array<char, 64> room;
    char* const end = room.data() + room.size() - 2;  // 58 digits and blanks at most
    auto* at = std::to_chars(room.data(), end, publisher, 16).ptr;
    *at++ = ' ';
    at = std::to_chars(at, end, n).ptr;
    *at++ = ' ';
    at = std::to_chars(at, end, of_topic).ptr;
    return {room.data(), at};
}

std::optional<Number> Number::parse(std::string_view s) noexcept {
    Number n;
    if (take_number<16>(s, n.publisher) && take_blank(s) && take_number(s, n.n) && take_blank(s) &&
        take_number(s, n.of_topic) && s.empty() && n.n > 0 && n.of_topic > 0 && n.of_topic <= n.n)
        return n;
    return std::nullopt;
}

std::uint64_t Gaps::seen(std::string_view subject, const Number& now) {
    const std::lock_guard guard(mutex_);
    if (last_.size() >= most_topics) last_.clear();
    auto& last = last_[{now.publisher, std::string(subject)}];
    const auto missing = last == 0 || now.of_topic <= last ? 0 : now.of_topic - last - 1;
    last = std::max(last, now.of_topic);
    return missing;
}

std::optional<std::int64_t> Places::add(std::uint64_t place) {
    if (!begun_) {
        begin_behind(place);
        before_ = place;
        if (place > 1) missing_.emplace(1, place);
        return 0;
    }
    if (place > last_) {
        const auto between = place - last_ - 1;
        if (between > 0) missing_.emplace(last_ + 1, place);
        if (missing_.size() > most_runs) missing_.erase(missing_.begin());
        last_ = place;
        return static_cast<std::int64_t>(between);
    }
    auto run = missing_.upper_bound(place);
    if (run == missing_.begin()) return std::nullopt;
    --run;
    if (place >= run->second) return std::nullopt;
    const auto [from, to] = *run;
    missing_.erase(run);
    if (from < place) missing_.emplace(from, place);
    if (place + 1 < to) missing_.emplace(place + 1, to);
    return place < before_ ? 0 : -1;
}

std::optional<Part> Part::parse(std::string_view s) noexcept {
    Part p;
    if (!take_number(s, p.n) || (s != " more" && s != " last")) return std::nullopt;
    p.last = s == " last";
    return p;
}

std::optional<Left> Left::parse(std::string_view s) noexcept {
    if (s == "never") return Left{};
    std::uint64_t ms = 0;
    constexpr std::uint64_t century = 3'200'000'000'000;
    if (!take_number(s, ms) || !s.empty() || ms > century) return std::nullopt;
    return Left{std::chrono::milliseconds(ms)};
}

std::optional<Errc> parse_error_kind(std::string_view s) noexcept {
    for (auto k = static_cast<unsigned>(Errc::timed_out); k <= static_cast<unsigned>(Errc::failed); ++k)
        if (s == name(static_cast<Errc>(k))) return static_cast<Errc>(k);
    return std::nullopt;
}

}  // namespace wye::carrier::nats
