// wye recv: messages from any means to standard output.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "output.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::string uri, timeout, idle;
    std::uint64_t count = 0;
    long type = 0;
    bool follow = false, create = false;
    Form form;
};

struct Got {
    std::uint64_t messages = 0, bytes = 0;
};

Json about(std::size_t size, const Meta& meta, std::uint64_t number) {
    Json j{{"schema", "wye.message/1"}, {"number", number}, {"size", size}};
    if (meta.priority) j["priority"] = meta.priority;
    if (meta.type) j["type"] = meta.type;
    return j;
}

struct Ends {
    Deadline total = Deadline::never();
    std::optional<std::chrono::nanoseconds> idle;
};

enum class Why { count, closed, idle, timeout, interrupted, reader_gone };

Result<Why> pump(const Options& o, Channel& from, const Ends& ends, Got& got, Progress& progress) {
    MessageOutput out(o.form);
    for (;;) {
        if (o.count && got.messages == o.count) return Why::count;
        // What is stored has an end; --follow waits there for more.
        const auto next = from.traits().stored && !o.follow ? Deadline::now()
                          : ends.idle                       ? ends.total.sooner(*ends.idle)
                                                            : ends.total;
        Meta meta{.type = o.type};
        auto message = patiently(next, [&](Deadline d) {
            meta = {.type = o.type};
            return from.recv_view(meta, d);
        });
        if (interrupted()) return Why::interrupted;
        if (!message) {
            const auto& e = message.error();
            if (e.is(Errc::closed)) return Why::closed;
            if (!e.is(Errc::timed_out)) return std::unexpected(e);
            if (ends.total.passed()) return Why::timeout;
            return Why::idle;
        }
        ++got.messages;
        got.bytes += message->size();
        progress.add(message->size());
        if (auto r = out.write(*message, about(message->size(), meta, got.messages)); !r) {
            if (r.error().is(Errc::closed)) return Why::reader_gone;
            return std::unexpected(r.error());
        }
    }
}

int finish_with(const Options& o, Result<Why> why, const Got& got) {
    if (!why) return report("recv", why.error());
    switch (*why) {
        case Why::timeout:
            fmt::print(stderr, "wye: recv: timed out after {} messages\n", got.messages);
            return exit_timeout;
        case Why::closed:
            if (!o.count || got.messages == o.count) return exit_ok;
            fmt::print(stderr, "wye: recv: the other end closed after {} of {} messages\n", got.messages, o.count);
            return exit_peer_gone;
        case Why::interrupted:
            fmt::print(stderr, "wye: recv: interrupted after {} messages, {}\n", got.messages,
                       human_size(static_cast<double>(got.bytes)));
            return finish(exit_ok);
        default:
            return exit_ok;
    }
}

int run(const Options& o) {
    catch_signals();
    Ends ends;
    for (auto [text, option] : {std::pair{&o.timeout, "--timeout"}, {&o.idle, "--idle"}}) {
        if (text->empty()) continue;
        const auto t = duration_of("recv", option, *text);
        if (!t) return exit_usage;
        if (option == std::string_view("--idle"))
            ends.idle = *t;
        else
            ends.total = *t;
    }
    const OpenOptions how{.mode = Mode::read, .create = o.create ? Create::if_missing : Create::never};
    Got got;
    Progress progress("wye: recv");
    for (;;) {
        auto from = patiently(ends.total, [&](Deadline d) { return open(o.uri, how, d); });
        if (!from) return interrupted() ? interrupted_early("recv") : report("recv", from.error());
        auto why = pump(o, *from, ends, got, progress);
        // With --follow the next peer is waited for: the next client of a socket, the next writer of a FIFO.
        if (o.follow && why && *why == Why::closed && !from->traits().stored) continue;
        return finish_with(o, std::move(why), got);
    }
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "where from: see wye help uri")->required();
    app.add_option("-n,--count", o->count, "end after so many messages")->type_name("N");
    app.add_flag("-f,--follow", o->follow, "go on after the end: a growing file, the next client, the next writer");
    o->form.define(app, "a line of JSON a message, schema wye.message/1");
    app.add_option("--timeout", o->timeout, "give up after this long, with exit code 124")->type_name("TIME");
    app.add_option("--idle", o->idle, "end, with success, when nothing came for so long")->type_name("TIME");
    app.add_option("--type", o->type, "only messages of this type (sysv-mq; -N: the lowest up to N)")->type_name("N");
    app.add_flag("--create", o->create, "make the object if it is missing");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command recv_command;
const Command recv_command{.name = "recv",
                           .arguments = "URI",
                           .summary = "messages from any means to standard output",
                           .examples =
                               "wye recv 'unix:/tmp/s?listen' > photo.jpg    # until the sender closes\n"
                               "wye recv --count 1 --timeout 5s posix-mq:/jobs\n"
                               "wye recv --follow --json file:/var/tmp/events # a line of JSON a record, as they come",
                           .define = define,
                           .completes_uris = true};

}  // namespace wye::cli
