#include "consume.hpp"

#include <fmt/format.h>

namespace wye::cli {

void Consume::define(Arguments& app, const char* where, const char* json_help) {
    app.add_option("uri", uri, where)->required();
    app.add_option("-n,--count", count, "end after so many messages")->type_name("N");
    form.define(app, json_help);
    app.add_option("--timeout", timeout, "give up after this long, with exit code 124")->type_name("TIME");
    app.add_option("--idle", idle, "end, with success, when nothing came for so long")->type_name("TIME");
}

std::optional<Consume::Ends> Consume::ends(const char* verb) const {
    Ends e;
    if (!timeout.empty()) {
        const auto t = duration_of(verb, "--timeout", timeout);
        if (!t) return {};
        e.total = *t;
    }
    if (!idle.empty()) {
        e.idle = duration_of(verb, "--idle", idle);
        if (!e.idle) return {};
    }
    return e;
}

int Consume::run(const char* verb, const Ends& ends, const std::function<Result<>(Deadline)>& step) const {
    std::uint64_t messages = 0;
    while (count == 0 || messages < count) {
        const auto r = patiently(ends.next(), step);
        if (r) {
            ++messages;
            continue;
        }
        if (interrupted()) {
            fmt::print(stderr, "wye: {}: interrupted after {} messages\n", verb, messages);
            return finish(exit_ok);
        }
        if (r.error().is(Errc::closed)) break;
        if (!r.error().is(Errc::timed_out)) return report(verb, r.error());
        if (ends.total.passed()) {
            fmt::print(stderr, "wye: {}: timed out after {} messages\n", verb, messages);
            return exit_timeout;
        }
        if (ends.idle) break;
    }
    if (count == 0 || messages == count || ends.idle) return exit_ok;
    fmt::print(stderr, "wye: {}: the other end closed after {} of {} messages\n", verb, messages, count);
    return exit_peer_gone;
}

}  // namespace wye::cli
