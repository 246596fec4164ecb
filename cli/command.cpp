#include "command.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <atomic>

namespace wye::cli {
namespace {
volatile sig_atomic_t caught = 0;
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

bool interrupted() noexcept { return caught != 0; }
int finish(int otherwise) noexcept { return caught ? 128 + caught : otherwise; }

int interrupted_early(std::string_view verb) {
    fmt::print(stderr, "wye: {}: interrupted before anybody was there\n", verb);
    return finish(exit_ok);
}

void catch_signals() {
    struct sigaction a{};
    // The second Ctrl-C ends the program at once: someone is in a hurry.
    a.sa_handler = [](int n) {
        caught = n;
        ::signal(n, SIG_DFL);
    };
    ::sigaction(SIGINT, &a, nullptr);
    ::sigaction(SIGTERM, &a, nullptr);
}

}  // namespace wye::cli
