#include "terminal.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace wye::cli {
namespace {
bool color = false;
int output_trouble = 0;

bool wanted_by_default() {
    const auto set = [](const char* name) {
        const char* v = std::getenv(name);
        return v && *v;
    };
    if (set("NO_COLOR")) return false;
    if (set("CLICOLOR_FORCE") || set("FORCE_COLOR")) return true;
    const char* term = std::getenv("TERM");
    return stdout_is_terminal() && term && std::string_view(term) != "dumb";
}
}  // namespace

bool set_color(std::string_view when) {
    if (when == "always")
        color = true;
    else if (when == "never")
        color = false;
    else if (when == "auto")
        color = wanted_by_default();
    else
        return false;
    return true;
}

bool colored() noexcept { return color; }

std::string styled(std::string_view text, std::string_view sgr) {
    return color ? fmt::format("\x1b[{}m{}\x1b[0m", sgr, text) : std::string(text);
}

void put(std::string_view text) noexcept {
    if (std::fwrite(text.data(), 1, text.size(), stdout) < text.size() && output_trouble == 0) output_trouble = errno;
}

int flush_output() noexcept {
    if (std::fflush(stdout) != 0 && output_trouble == 0) output_trouble = errno;
    return output_trouble;
}

bool reader_is_gone(std::chrono::nanoseconds patience) noexcept {
    pollfd out{.fd = 1, .events = 0, .revents = 0};
    const timespec left{.tv_sec = patience.count() / 1'000'000'000, .tv_nsec = patience.count() % 1'000'000'000};
    return ::ppoll(&out, 1, &left, nullptr) == 1 && out.revents != 0;
}

bool stdout_is_terminal() noexcept { return ::isatty(1) == 1; }
bool stderr_is_terminal() noexcept { return ::isatty(2) == 1; }

unsigned terminal_width() noexcept {
    winsize w{};
    if (::ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col > 0) return w.ws_col;
    const char* columns = std::getenv("COLUMNS");
    const auto n = columns ? parse_number(columns) : std::nullopt;
    return n && *n >= 20 && *n < 10000 ? static_cast<unsigned>(*n) : 80;
}

double Progress::seconds() const noexcept { return std::chrono::duration<double>(Clock::now() - start_).count(); }

void Progress::show() {
    using namespace std::chrono_literals;
    const auto now = Clock::now();
    if (now - start_ < 2s || now - last_ < 200ms || !stderr_is_terminal()) return;
    last_ = now;
    const double rate = static_cast<double>(bytes_) / seconds();
    std::string line = fmt::format("{}: {}, {}/s", what_, human_size(static_cast<double>(bytes_)), human_size(rate));
    if (total_ > bytes_ && rate > 0)
        line += fmt::format(", {:.0f}%, {} left", 100.0 * static_cast<double>(bytes_) / static_cast<double>(total_),
                            human_time(static_cast<double>(total_ - bytes_) / rate * 1e9));
    fmt::print(stderr, "\r\x1b[K{}", line);
    shown_ = true;
}

Progress::~Progress() {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
}

}  // namespace wye::cli
