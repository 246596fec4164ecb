#include "feed.hpp"

#include "wye/base/text.hpp"

#include "input.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {

void Feed::define(Arguments& app, const char* where) {
    app.add_option("uri", uri, where)->required();
    app.add_option("file", file, "what; - or nothing is standard input, as one message");
    auto* l = app.add_flag("--lines", lines, "each line of the input is a message");
    app.add_flag("-0,--nul", nul, "each part up to a zero byte is a message")->excludes(l);
    app.add_option("--timeout", timeout, "give up after this long, with exit code 124")->type_name("TIME");
    app.add_flag("--json", json, "the summary on stderr as JSON, schema wye.sent/1");
    app.add_flag("-q,--quiet", quiet, "no summary");
}

std::optional<Deadline> Feed::deadline(const char* verb) const {
    if (timeout.empty()) return Deadline::never();
    const auto t = duration_of(verb, "--timeout", timeout);
    return t ? std::optional<Deadline>(*t) : std::nullopt;
}

int Feed::run(const char* verb, std::size_t most, Deadline deadline, const Send& send,
              const std::function<Result<>(Deadline)>& finish) const {
    auto input = Input::open(file, lines ? Cut::lines : nul ? Cut::nul : Cut::whole, most);
    if (!input) return report(verb, input.error());
    Progress progress(fmt::format("wye: {}", verb), input->size());
    std::uint64_t messages = 0, bytes = 0;
    Result<> r;
    while (r && !interrupted()) {
        const auto message = patiently(deadline, [&](Deadline d) { return input->next(d); });
        if (interrupted()) break;
        if (!message) r = std::unexpected(message.error());
        if (!message || !*message) break;
        r = patiently(deadline, [&](Deadline d) { return send(**message, messages + 1, d); });
        if (!r) break;
        ++messages, bytes += (*message)->size();
        progress.add((*message)->size());
    }
    if (r && !interrupted()) r = patiently(deadline, finish);
    if (json)
        fmt::print(stderr,
                   R"({{"schema":"wye.sent/1","messages":{},"bytes":{},"seconds":{:.6f}}})"
                   "\n",
                   messages, bytes, progress.seconds());
    else if (interrupted() && !quiet)
        fmt::print(stderr, "wye: {}: interrupted after {} messages\n", verb, messages);
    if (interrupted()) return cli::finish(exit_ok);
    if (r) return exit_ok;
    if (r.error().is(Errc::too_big)) {
        fmt::print(stderr, "wye: {}: message {} is larger than {} bytes, the most that {} takes\n", verb, messages + 1,
                   most, escape(uri));
        return exit_failed;
    }
    return report(verb, r.error());
}

std::optional<Durability> durability_of(const char* verb, const std::string& text) {
    for (const auto& [word, d] :
         {std::pair{"none", Durability::none}, {"process", Durability::process}, {"power", Durability::power}})
        if (text == word) return d;
    (void)usage_error(verb, fmt::format("--durability={}: write none, process or power", escape(text)));
    return {};
}

std::optional<std::size_t> size_of(const char* verb, const char* option, const std::string& text) {
    if (text.empty()) return 0;
    if (const auto n = parse_size(text); n && *n > 0) return n;
    (void)usage_error(verb, fmt::format("{}={}: write a size as 4096 or 64K", option, escape(text)));
    return {};
}

}  // namespace wye::cli
