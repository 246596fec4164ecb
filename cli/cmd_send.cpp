// wye send: standard input or a file into any means.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "input.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    std::string uri, file = "-", timeout, chunk;
    bool lines = false, nul = false, whole = false, create = false, json = false, quiet = false;
    unsigned priority = 0;
    long type = 0;
};

struct Sent {
    std::uint64_t messages = 0, bytes = 0;
};

void summary(const Options& o, const Sent& s, const Progress& p) {
    if (o.json)
        fmt::print(stderr,
                   R"({{"schema":"wye.sent/1","messages":{},"bytes":{},"seconds":{:.6f}}})"
                   "\n",
                   s.messages, s.bytes, p.seconds());
    else if (interrupted() && !o.quiet)
        fmt::print(stderr, "wye: send: interrupted after {} messages, {}\n", s.messages,
                   human_size(static_cast<double>(s.bytes)));
}

Result<> pump(const Options& o, Channel& to, Input& input, Deadline deadline, Sent& sent, Progress& progress) {
    const Meta meta{.priority = o.priority, .type = o.type};
    while (!interrupted()) {
        auto message = patiently(deadline, [&](Deadline d) { return input.next(d); });
        if (interrupted()) break;
        if (!message) return std::unexpected(message.error());
        if (!*message) break;
        auto r = patiently(deadline, [&](Deadline d) { return to.send(**message, meta, d); });
        if (!r) return interrupted() ? Result<>() : r;
        ++sent.messages;
        sent.bytes += (*message)->size();
        progress.add((*message)->size());
    }
    return {};
}

int run(const Options& o) {
    catch_signals();
    Deadline deadline = Deadline::never();
    if (!o.timeout.empty()) {
        const auto t = duration_of("send", "--timeout", o.timeout);
        if (!t) return exit_usage;
        deadline = *t;
    }
    const auto chunk = o.chunk.empty() ? std::optional<std::uint64_t>(256 * 1024) : parse_size(o.chunk);
    if (!chunk || *chunk == 0)
        return usage_error("send", fmt::format("--chunk={}: write a size as 4096 or 64K", escape(o.chunk)));
    const OpenOptions how{.mode = Mode::write, .create = o.create ? Create::if_missing : Create::never};
    auto to = patiently(deadline, [&](Deadline d) { return open(o.uri, how, d); });
    if (!to) return interrupted() ? interrupted_early("send") : report("send", to.error());
    const auto cut = o.lines ? Cut::lines : o.nul ? Cut::nul : o.whole ? Cut::whole : Cut::pieces;
    const auto limit = to->max_message();
    auto input = Input::open(o.file, cut, cut == Cut::pieces ? std::min<std::size_t>(limit, *chunk) : limit);
    if (!input) return report("send", input.error());
    Sent sent;
    Progress progress("wye: send", input->size());
    auto r = pump(o, *to, *input, deadline, sent, progress);
    const bool sent_all = r.has_value();
    if (r && !interrupted()) r = patiently(deadline, [&](Deadline d) { return to->finish(d); });
    // Datagrams have no end to be heard: what was sent is sent.
    if (interrupted() || (!r && r.error().is(Errc::unsupported) && sent_all)) r = {};
    summary(o, sent, progress);
    if (!r && r.error().is(Errc::too_big)) {
        fmt::print(stderr, "wye: send: message {} is larger than {} bytes, the most that {} takes\n", sent.messages + 1,
                   limit, o.uri);
        return exit_failed;
    }
    if (!r) return report("send", r.error());
    return finish(exit_ok);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "where to: see wye help uri")->required();
    app.add_option("file", o->file, "what; - or nothing is standard input");
    auto* lines = app.add_flag("--lines", o->lines, "each line of the input is a message");
    auto* nul = app.add_flag("-0,--nul", o->nul, "each part up to a zero byte is a message")->excludes(lines);
    app.add_flag("--whole", o->whole, "the whole input is one message")->excludes(lines)->excludes(nul);
    app.add_option("--chunk", o->chunk, "otherwise: the most a message carries (256K, or what the means takes)")
        ->type_name("SIZE");
    app.add_option("--priority", o->priority, "of each message, where the means has priorities")->type_name("N");
    app.add_option("--type", o->type, "of each message, where the means has types")->type_name("N");
    app.add_flag("--create", o->create, "make the object if it is missing");
    app.add_option("--timeout", o->timeout, "give up after this long, with exit code 124")->type_name("TIME");
    app.add_flag("--json", o->json, "the summary on stderr as JSON, schema wye.sent/1");
    app.add_flag("-q,--quiet", o->quiet, "no summary");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command send_command;
const Command send_command{
    .name = "send",
    .arguments = "URI [FILE|-]",
    .summary = "a file or standard input into any means",
    .examples =
        "wye send unix:/tmp/s photo.jpg             # cut into messages, whole again on the other side\n"
        "seq 5 | wye send --lines --create posix-mq:/jobs\n"
        "wye send 'fifo:/tmp/f?framing=raw' notes.txt  # for cat",
    .define = define,
    .completes_uris = true};

}  // namespace wye::cli
