// wye recv: messages from any means to standard output.
#include "wye/base/text.hpp"
#include "wye/io/framed_stream.hpp"

#include "command.hpp"
#include "table.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::string uri, timeout, idle;
    std::uint64_t count = 0;
    long type = 0;
    bool follow = false, lines = false, nul = false, json = false, create = false;
};

struct Got {
    std::uint64_t messages = 0, bytes = 0;
};

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
std::string base64(Bytes b) {
    std::string out;
    for (std::size_t i = 0; i < b.size(); i += 3) {
        std::uint32_t v = 0;
        for (std::size_t k = 0; k < 3; ++k)
            v = v << 8 | (i + k < b.size() ? std::to_integer<std::uint32_t>(b[i + k]) : 0);
        for (std::size_t k = 0; k < 4; ++k) out += i + k <= b.size() ? base64_digits[v >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string json_line(Bytes message, const Meta& meta, std::uint64_t number) {
    Json j{{"schema", "wye.message/1"}, {"number", number}, {"size", message.size()}};
    if (meta.priority) j["priority"] = meta.priority;
    if (meta.type) j["type"] = meta.type;
    j["text"] = std::string(text_of(message));
    try {
        return j.dump() + "\n";
    } catch (const Json::exception&) {  // not UTF-8
        j.erase("text");
        j["base64"] = base64(message);
        return j.dump() + "\n";
    }
}

// Standard output, through the library's own writer: no stdio copy, EPIPE is Errc::closed.
class Output {
public:
    explicit Output(const Options& o)
        : o_(o), out_(Fd(), Fd(::dup(1)), {.framing = Framing::raw, .max_message = SIZE_MAX}) {}
    Result<> write(Bytes message, const Meta& meta, std::uint64_t number) {
        if (o_.json) return out_.send(bytes_of(json_line(message, meta, number)));
        if (!message.empty()) WYE_CHECK(out_.send(message));
        if (o_.lines) return out_.send(bytes_of(std::string_view("\n")));
        if (o_.nul) return out_.send(bytes_of(std::string_view("\0", 1)));
        return {};
    }

private:
    const Options& o_;
    FramedStream out_;
};

struct Ends {
    Deadline total = Deadline::never();
    std::optional<std::chrono::nanoseconds> idle;
};

enum class Why { count, closed, idle, timeout, interrupted, reader_gone };

Result<Why> pump(const Options& o, Channel& from, const Ends& ends, Got& got, Progress& progress) {
    Output out(o);
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
        if (auto r = out.write(*message, meta, got.messages); !r) {
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

Run define(CLI::App& app) {
    auto o = std::make_shared<Options>();
    app.add_option("uri", o->uri, "where from: see wye help uri")->required();
    app.add_option("-n,--count", o->count, "end after so many messages")->type_name("N");
    app.add_flag("-f,--follow", o->follow, "go on after the end: a growing file, the next client, the next writer");
    auto* lines = app.add_flag("--lines", o->lines, "a newline after each message");
    auto* nul = app.add_flag("-0,--nul", o->nul, "a zero byte after each message, for xargs -0")->excludes(lines);
    app.add_flag("--json", o->json, "a line of JSON a message, schema wye.message/1")->excludes(lines)->excludes(nul);
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
