// What we say beside messages on NATS. Others write headers too: what does not parse is not ours.
#pragma once
#include "wye/core/engine.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace wye::carrier::nats {

/// `Wye-Number: ID N T`: the publisher, in hexadecimal, how many it has published, and how many of this topic. From 1.
struct Number {
    static constexpr const char* header = "Wye-Number";
    std::uint64_t publisher = 0, n = 0, of_topic = 0;
    std::string text() const;
    static std::optional<Number> parse(std::string_view) noexcept;
};

/// Counts, exactly, what of each publisher's topics did not come. The first that is seen of a topic is where it begins.
class Gaps {
public:
    /// How many are missing before this one.
    std::uint64_t seen(std::string_view subject, const Number&);

private:
    std::mutex mutex_;
    std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> last_;
};

/// Which places of a stream came here: each is new once, whatever the order, for what got lost on its way to us comes
/// again behind what came after it.
class Places {
public:
    void begin_behind(std::uint64_t place) noexcept { last_ = place, begun_ = true; }
    /// Nothing: it was here before. Else how many more are missing than before: -1 when it was missing itself.
    std::optional<std::int64_t> add(std::uint64_t place);

private:
    std::uint64_t last_ = 0;
    std::uint64_t before_ = 0;  // what lies before it may come, and is not missed
    bool begun_ = false;
    std::map<std::uint64_t, std::uint64_t> missing_;  // first of a run of them, and behind its last
};

/// `Wye-Part: N more` or `N last`, of an answer in several; without it an answer is whole.
struct Part {
    static constexpr const char* header = "Wye-Part";
    std::uint64_t n = 0;
    bool last = true;
    std::string text() const { return std::to_string(n) + (last ? " last" : " more"); }
    static std::optional<Part> parse(std::string_view) noexcept;
};

/// `Wye-Left: MILLISECONDS` of a request, or `never`: so long is its answer of use. A time that is left, and not one of
/// a clock: two machines' clocks differ.
struct Left {
    static constexpr const char* header = "Wye-Left";
    std::optional<std::chrono::milliseconds> left;
    std::string text() const { return left ? std::to_string(left->count()) : "never"; }
    static std::optional<Left> parse(std::string_view) noexcept;
};

inline constexpr const char* here_header = "Wye-Here";    ///< a server has it, and hears at this subject
inline constexpr const char* again_header = "Wye-Again";  ///< another server died over it
inline constexpr const char* error_header = "Wye-Error";  ///< the name of an Errc; the bytes are its text
std::optional<Errc> parse_error_kind(std::string_view) noexcept;

}  // namespace wye::carrier::nats
