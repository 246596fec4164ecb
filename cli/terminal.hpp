// Colour, width, and the progress line.
#pragma once
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace wye::cli {

/// --color over NO_COLOR over CLICOLOR_FORCE over "is a terminal"; false when `when` is none of the three words.
bool set_color(std::string_view when);

/// Whether colours are wanted.
bool colored() noexcept;

/// The text in that SGR style ("1", "32"), or as it is.
std::string styled(std::string_view text, std::string_view sgr);

/// Text on standard output. What fails is kept for flush_output: the stream itself forgets why.
void put(std::string_view text) noexcept;
template <class... A>
void say(fmt::format_string<A...> how, A&&... what) {
    put(fmt::format(how, std::forward<A>(what)...));
}
int flush_output() noexcept;  ///< 0, or the errno of the first write that failed

/// Waits so long for the reader of standard output to go away; true as soon as he has, before anything is written.
bool reader_is_gone(std::chrono::nanoseconds patience) noexcept;

bool stdout_is_terminal() noexcept;
bool stderr_is_terminal() noexcept;
unsigned terminal_width() noexcept;  ///< columns; 80 where it is not known

/// One line on standard error, from the second second on and only on a terminal: bytes, rate, share and time left.
/// Wiped when dropped.
class Progress {
public:
    explicit Progress(std::string what, std::uint64_t total = 0) : what_(std::move(what)), total_(total) {}
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void add(std::uint64_t bytes) {
        bytes_ += bytes;
        if ((++steps_ & 63u) == 0 || bytes >= 4096) show();  // large pieces may come slowly
    }
    std::uint64_t bytes() const noexcept { return bytes_; }
    double seconds() const noexcept;
    void show();

private:
    using Clock = std::chrono::steady_clock;
    std::string what_;
    std::uint64_t total_, bytes_ = 0;
    unsigned steps_ = 0;
    Clock::time_point start_ = Clock::now(), last_ = start_;
    bool shown_ = false;
};

}  // namespace wye::cli
