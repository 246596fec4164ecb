#pragma once
#include <algorithm>
#include <chrono>

namespace wye {

/// The moment after which a blocking call gives up with Errc::timed_out; last parameter of every such call.
///
/// Monotonic: setting the clock changes nothing. Pass a duration (`ch.recv(buf, 500ms)`), never() or now().
class Deadline {
public:
    using Clock = std::chrono::steady_clock;

    template <class R, class P>
    Deadline(std::chrono::duration<R, P> d)  // NOLINT: implicit on purpose, so that 500ms is a deadline
        : at_(after(std::chrono::duration_cast<std::chrono::duration<double>>(d), d)) {}
    static constexpr Deadline never() noexcept { return Deadline(Clock::time_point::max()); }
    static constexpr Deadline now() noexcept { return Deadline(Clock::time_point::min()); }  ///< do not block
    static constexpr Deadline at(Clock::time_point t) noexcept { return Deadline(t); }

    constexpr bool is_never() const noexcept { return at_ == Clock::time_point::max(); }
    constexpr bool is_now() const noexcept { return at_ == Clock::time_point::min(); }
    bool passed() const noexcept { return !is_never() && (is_now() || Clock::now() >= at_); }

    /// Time left, never negative. Meaningless for never().
    std::chrono::nanoseconds left() const noexcept {
        const auto now = Clock::now();
        // Compared first: the difference of two times far apart overflows.
        return at_ <= now ? std::chrono::nanoseconds{} : std::chrono::nanoseconds(at_ - now);
    }
    /// The earlier of the two.
    Deadline sooner(Deadline o) const noexcept { return Deadline(std::min(at_, o.at_)); }

private:
    constexpr explicit Deadline(Clock::time_point t) noexcept : at_(t) {}
    template <class D>
    static Clock::time_point after(std::chrono::duration<double> seconds, D d) {
        if (seconds.count() <= 0) return Clock::time_point::min();
        if (seconds.count() > 3.2e9) return Clock::time_point::max();  // a century: adding it could overflow
        return Clock::now() + std::chrono::duration_cast<Clock::duration>(d);
    }

    Clock::time_point at_;
};

}  // namespace wye
