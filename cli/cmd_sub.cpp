// wye sub: hears what is published.
#include "wye/base/text.hpp"
#include "wye/pattern/pub_sub.hpp"

#include "consume.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    Consume consume;
    SubscribeOptions how;
    std::string slow = "drop";
    bool topics = false;
};

int run(Options& o) {
    catch_signals();
    const auto ends = o.consume.ends("sub");
    if (!ends) return exit_usage;
    bool known = false;
    for (const auto& [word, slow] : {std::pair{"drop", Slow::drop_oldest},
                                     {"latest", Slow::latest},
                                     {"block", Slow::block},
                                     {"demote", Slow::demote}})
        if (o.slow == word) o.how.slow = slow, known = true;
    if (!known)
        return usage_error("sub", fmt::format("--slow={}: write drop, latest, block or demote", escape(o.slow)));
    auto from = patiently(ends->total, [&](Deadline d) { return Subscriber<>::open(o.consume.uri, o.how, d); });
    if (!from) return interrupted() ? interrupted_early("sub") : report("sub", from.error());
    MessageOutput out(o.consume.form);
    std::uint64_t number = 0;
    const int code = o.consume.run("sub", *ends, [&](Deadline d) -> Result<> {
        WYE_TRY(const auto got, from->next(d));
        Json about{{"schema", "wye.sample/1"}, {"number", ++number}, {"topic", got.topic()}};
        if (got.sequence() != 0) about["sequence"] = got.sequence();
        about["lost"] = from->lost();
        about["size"] = got->size();
        if (!o.topics || o.consume.form.json) return out.write(*got, about);
        std::string line(got.topic());
        line += ' ';
        line += text_of(*got);
        return out.write(bytes_of(std::string_view(line)), about);
    });
    if (const auto lost = from->lost(); lost > 0)
        fmt::print(stderr, "wye: sub: {} messages were lost to slowness\n", lost);
    return code;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    o->consume.define(app, "the channel: shm:NAME, unix:/path, nats://host:4222/subject",
                      "a line of JSON a message, schema wye.sample/1");
    app.add_option("--filter", o->how.filter, "only these topics: prices.*.eur, prices.> (default: all)")
        ->type_name("FILTER");
    app.add_option("--history", o->how.history, "begin so many messages back")->type_name("N");
    app.add_option("--slow", o->slow, "when we are too slow: drop, latest, block or demote (default drop)")
        ->type_name("WORD");
    app.add_option("--name", o->how.name, "a durable subscription (nats): go on where it was")->type_name("NAME");
    app.add_flag("--topics", o->topics, "the topic and a blank before each message");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command sub_command;
const Command sub_command{.name = "sub",
                          .arguments = "URI",
                          .summary = "subscribe: published messages to standard output",
                          .examples =
                              "wye sub shm:prices --filter 'fx.*' --lines --topics\n"
                              "wye sub --history 10 --count 10 --json shm:prices\n"
                              "wye sub nats://127.0.0.1:4222/news --name archive >> news",
                          .define = define,
                          .completes_uris = true};

}  // namespace wye::cli
