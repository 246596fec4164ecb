// wye call: asks, and prints the answer.
#include "wye/base/text.hpp"
#include "wye/pattern/request.hpp"

#include "command.hpp"
#include "input.hpp"
#include "output.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    std::string uri, file = "-", timeout = "10s";
    Form form;
    bool idempotent = false, lines_in = false;
};

Result<> ask(Client<>& client, Bytes question, const Options& o, Deadline d, MessageOutput& out) {
    WYE_TRY(auto replies, client.stream(question, d, {.idempotent = o.idempotent}));
    for (std::uint64_t part = 1;; ++part) {
        const auto got = replies.next();
        if (!got && got.error().is(Errc::closed) && part > 1) return {};
        if (!got) return std::unexpected(got.error());
        const Json about{{"schema", "wye.reply/1"}, {"part", part}, {"size", got->size()}};
        WYE_CHECK(out.write(*got, about));
    }
}

int run(const Options& o) {
    catch_signals();
    const auto timeout = duration_of("call", "--timeout", o.timeout);
    if (!timeout) return exit_usage;
    const Deadline deadline = *timeout;
    auto client = patiently(deadline, [&](Deadline d) { return Client<>::open(o.uri, {}, d); });
    if (!client) return interrupted() ? interrupted_early("call") : report("call", client.error());
    constexpr std::size_t most = std::size_t{64} << 20;
    auto input = Input::open(o.file, Cut::whole, most);
    if (!input) return report("call", input.error());
    const auto question = patiently(deadline, [&](Deadline d) { return input->next(d); });
    if (!question) return interrupted() ? interrupted_early("call") : report("call", question.error());
    MessageOutput out(o.form);
    const auto r = ask(*client, *question ? **question : Bytes(), o, deadline, out);
    return finish(r ? exit_ok : report("call", r.error()));
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "who is asked: shm:NAME, unix:/path, nats://host:4222/subject")->required();
    app.add_option("file", o->file, "the question; - or nothing is standard input");
    app.add_option("--timeout", o->timeout, "no answer is wanted after this long (default 10s), exit code 124")
        ->type_name("TIME");
    app.add_flag("--idempotent", o->idempotent, "it may be done twice: another server is asked when one dies over it");
    o->form.define(app, "a line of JSON a part of the answer, schema wye.reply/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command call_command;
const Command call_command{.name = "call",
                           .arguments = "URI [FILE|-]",
                           .summary = "ask, and print the answer",
                           .examples =
                               "echo 12 | wye call unix:/run/square.sock\n"
                               "wye call --timeout 200ms --idempotent shm:resolve query.json",
                           .define = define,
                           .completes_uris = true};

}  // namespace wye::cli
