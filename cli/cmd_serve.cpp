// wye serve: answers requests, each by a program.
#include "wye/base/text.hpp"
#include "wye/pattern/request.hpp"

#include "handler.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    std::string uri, timeout;
    std::uint64_t count = 0;
    std::vector<std::string> command;
    bool lines = false;
};

constexpr auto usage = "wye serve URI -- COMMAND [ARGUMENT]...; see wye help serve";

// Nobody wants it any more: then the program is ended.
Result<> wanted(const Replier<std::string>& to) {
    if (to.deadline().passed()) return fail(Errc::timed_out, "call");
    return to.cancelled() ? fail(Errc::closed, "call") : Result<>();
}

Result<> answer(const Handler& handler, Bytes question, Replier<std::string>& to) {
    WYE_TRY(auto ran, handler.run(question, Target::capture(), {}, to.deadline(), [&] { return wanted(to); }));
    if (!ran.exit.ok()) return refuse(Errc::failed, handler.shown(ran.exit));
    return to.send(ran.out);
}

// Each line of its output is a part of the answer, as it comes.
Result<> answer_lines(const Handler& handler, Bytes question, Replier<std::string>& to) {
    std::string begun;
    const auto each = [&](Bytes b) -> Result<> {
        begun += text_of(b);
        for (auto end = begun.find('\n'); end != begun.npos; end = begun.find('\n')) {
            WYE_CHECK(to.send(begun.substr(0, end)));
            begun.erase(0, end + 1);
        }
        return {};
    };
    WYE_TRY(auto ran, handler.run(question, Target::stream(each), {}, to.deadline(), [&] { return wanted(to); }));
    if (!ran.exit.ok()) return refuse(Errc::failed, handler.shown(ran.exit));
    return begun.empty() ? Result<>() : to.send(begun);
}

int run(Options& o) {
    Handler handler;
    if (!handler.take(o.command, "serve", usage, false)) return exit_usage;
    catch_signals();
    auto total = Deadline::never();
    if (!o.timeout.empty()) {
        const auto t = duration_of("serve", "--timeout", o.timeout);
        if (!t) return exit_usage;
        total = *t;
    }
    auto server = patiently(total, [&](Deadline d) { return Server<Bytes, std::string>::open(o.uri, {}, d); });
    if (!server) return interrupted() ? interrupted_early("serve") : report("serve", server.error());
    std::uint64_t served = 0;
    while (o.count == 0 || served < o.count) {
        const auto r = patiently(total, [&](Deadline d) {
            return server->serve_one(
                [&](Bytes q, Replier<std::string>& to) { return (o.lines ? answer_lines : answer)(handler, q, to); },
                d);
        });
        if (interrupted()) {
            fmt::print(stderr, "wye: serve: interrupted after {} requests\n", served);
            return finish(exit_ok);
        }
        if (!r) return report("serve", r.error());
        ++served;
    }
    return exit_ok;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "where: shm:NAME, unix:/path?listen, nats://host:4222/subject")->required();
    app.add_option("-n,--count", o->count, "end after so many requests")->type_name("N");
    app.add_option("--timeout", o->timeout, "end after this long, with exit code 124")->type_name("TIME");
    app.add_flag("--lines", o->lines, "each line that the command prints is a part of the answer, sent at once");
    app.allow_extras();  // the command's words, untouched: as an option's, [a,b] would be two
    return [o, &app] {
        o->command = app.remaining();
        return run(*o);
    };
}

}  // namespace

extern const Command serve_command;
const Command serve_command{.name = "serve",
                            .arguments = "URI -- COMMAND [ARGUMENT]...",
                            .summary = "answer requests by a command",
                            .examples =
                                "wye serve 'unix:/run/upper.sock?listen' -- tr a-z A-Z\n"
                                "wye serve shm:primes --lines -- sh primes.sh   # an answer in parts",
                            .define = define,
                            .completes_uris = true};

}  // namespace wye::cli
