// A verb of the command: its words for people, its options, and what it does.
#pragma once
#include "wye/registry/open.hpp"

#include "arguments.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace wye::cli {

// The exit codes of every verb (wye help exit).
enum Exit : int {
    exit_ok = 0,
    exit_failed = 1,
    exit_usage = 2,
    exit_not_found = 3,
    exit_denied = 4,
    exit_busy = 5,       // it exists, or someone holds it
    exit_peer_gone = 6,  // the other end went away too early
    exit_timeout = 124,  // as timeout(1)
};
int exit_code(const Error&) noexcept;

/// What an end user sees of an error: `wye: send: mq_open("/jobs"): Permission denied`. Answers its exit code.
int report(std::string_view verb, const Error&);
/// A complaint about the arguments, with exit code 2.
int usage_error(std::string_view verb, std::string_view what);

using Run = std::function<int()>;

/// What an option says that is a length of time; nullopt after a complaint about it, with usage_error().
std::optional<std::chrono::nanoseconds> duration_of(std::string_view verb, std::string_view option,
                                                    std::string_view text);

struct Command {
    const char* name;
    const char* arguments;  // "URI [FILE]"
    const char* summary;
    const char* examples;  // lines of "command   # what it does"
    Run (*define)(Arguments&);
    bool completes_uris = false;
};

std::span<const Command* const> commands() noexcept;

/// For a verb whose words are a program's arguments (app.allow_extras() and no positional, which it would take apart
/// where it looks like "[a,b]"): what was no option, exactly as it was given. nullopt after a complaint about an
/// unknown option before `--`.
std::optional<std::vector<std::string>> verbatim_words(const Arguments&, std::string_view verb);

/// True once Ctrl-C or SIGTERM came: loops end, print their summary, and leave nothing behind.
bool interrupted() noexcept;
/// 130 or 143 where a signal ended the run, else `otherwise`.
int finish(int otherwise) noexcept;
/// The same where a signal came before there was anything to sum up.
int interrupted_early(std::string_view verb);
void catch_signals();

/// `call(deadline)` again and again in slices, so that a signal is noticed within a fifth of a second.
template <class F>
auto patiently(Deadline total, F&& call) -> decltype(call(total)) {
    using namespace std::chrono_literals;
    for (;;) {
        auto r = call(total.sooner(200ms));
        if (r || !r.error().is(Errc::timed_out) || total.passed() || interrupted()) return r;
    }
}

}  // namespace wye::cli
