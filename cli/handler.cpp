#include "handler.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>

namespace wye::cli {

using namespace std::chrono_literals;

bool Handler::take(std::vector<std::string> words, const char* verb, const char* usage, bool may_lack) {
    if (words.empty() && may_lack) return true;
    if (words.empty() || words[0] != "--")
        return (void)usage_error(
                   verb, words.empty() ? fmt::format("no command ({})", usage)
                                       : fmt::format("{}: not expected before \"--\" ({})", escape(words[0]), usage)),
               false;
    if (words.size() < 2) return (void)usage_error(verb, fmt::format("no command ({})", usage)), false;
    argv.assign(words.begin() + 1, words.end());
    return true;
}

Result<wye::Output> Handler::run(Bytes input, Target out, const Environment& environment, Deadline d,
                                 const std::function<Result<>()>& tick) const {
    wye::Command c(argv);
    c.in(Source::bytes(std::string(text_of(input)))).out(std::move(out)).err(Target::inherit());
    for (const auto& [name, value] : environment) c.env(name, value);
    WYE_TRY(auto job, c.start());
    for (;;) {
        const auto ended = job.wait(d.sooner(200ms));
        if (ended) return job.take_output();
        if (!ended.error().is(Errc::timed_out)) return std::unexpected(ended.error());
        const auto go_on = tick ? tick() : Result<>();
        if (go_on && !d.passed() && !interrupted()) continue;
        (void)job.end();
        if (!go_on) return std::unexpected(go_on.error());
        return fail(interrupted() ? Errc::closed : Errc::timed_out, "run");
    }
}

std::string Handler::shown(const wye::Exit& e) const {
    return e.signal ? fmt::format("{}: ended by signal {}", escape(argv[0]), e.signal)
                    : fmt::format("{}: exit status {}", escape(argv[0]), e.status);
}

}  // namespace wye::cli
