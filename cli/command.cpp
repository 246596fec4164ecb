#include "command.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <atomic>

namespace wye::cli {
namespace {
// Lock-free, so a handler may store it; atomic, for relay's threads read it. Relaxed: it carries nothing but itself.
std::atomic<int> caught{0};
static_assert(std::atomic<int>::is_always_lock_free);
}  // namespace

int exit_code(const Error& e) noexcept {
    switch (e.kind()) {
        case Errc::bad_address:
            return exit_usage;
        case Errc::unsupported:
            return exit_usage;
        case Errc::not_found:
            return exit_not_found;
        case Errc::denied:
            return exit_denied;
        case Errc::busy:
        case Errc::already_exists:
            return exit_busy;
        case Errc::closed:
        case Errc::peer_died:
            return exit_peer_gone;
        case Errc::timed_out:
            return exit_timeout;
        default:
            return exit_failed;
    }
}

int report(std::string_view verb, const Error& e) {
    fmt::print(stderr, "wye: {}: {}\n", verb, e.message());
    return exit_code(e);
}

int usage_error(std::string_view verb, std::string_view what) {
    fmt::print(stderr, "wye: {}{}{}\n", verb, verb.empty() ? "" : ": ", what);
    return exit_usage;
}

std::optional<std::chrono::nanoseconds> duration_of(std::string_view verb, std::string_view option,
                                                    std::string_view text) {
    const auto t = parse_duration(text);
    if (!t) usage_error(verb, fmt::format("{}={}: write a duration as 500ms, 2s or 1.5m", option, escape(text)));
    return t;
}

std::optional<std::vector<std::string>> verbatim_words(const Arguments& app, std::string_view verb) {
    auto words = app.remaining();
    const auto mark = std::ranges::find(words, "--");
    for (auto w = words.begin(); w != mark; ++w) {
        if (w->size() < 2 || (*w)[0] != '-') continue;
        usage_error(verb, fmt::format("unknown option {}; what is for the program comes after -- (see wye help {})",
                                      escape(*w), verb));
        return {};
    }
    if (mark != words.end()) words.erase(mark);
    return words;
}

bool interrupted() noexcept { return caught.load(std::memory_order_relaxed) != 0; }
int finish(int otherwise) noexcept {
    const int n = caught.load(std::memory_order_relaxed);
    return n ? 128 + n : otherwise;
}

int interrupted_early(std::string_view verb) {
    fmt::print(stderr, "wye: {}: interrupted before anybody was there\n", verb);
    return finish(exit_ok);
}

void catch_signals() {
    struct sigaction a{};
    // The second Ctrl-C ends the program at once: someone is in a hurry.
    a.sa_handler = [](int n) {
        caught.store(n, std::memory_order_relaxed);
        ::signal(n, SIG_DFL);
    };
    ::sigaction(SIGINT, &a, nullptr);
    ::sigaction(SIGTERM, &a, nullptr);
}

}  // namespace wye::cli
