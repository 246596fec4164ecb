// wye pub: tells all who have subscribed.
#include "wye/pattern/pub_sub.hpp"

#include "feed.hpp"

namespace wye::cli {
namespace {

struct Options {
    Feed feed;
    std::string topic, durability = "none", depth;
    unsigned subscribers = 0;
};

int run(const Options& o) {
    catch_signals();
    const auto deadline = o.feed.deadline("pub");
    const auto durability = durability_of("pub", o.durability);
    if (!deadline || !durability) return exit_usage;
    const auto depth = size_of("pub", "--depth", o.depth);
    if (!depth) return exit_usage;
    if (const auto r = check_topic(o.topic); !r) return report("pub", r.error());
    const PublishOptions how{.depth = *depth, .subscribers = o.subscribers, .durability = *durability};
    auto to = patiently(*deadline, [&](Deadline d) { return Publisher<>::open(o.feed.uri, how, d); });
    if (!to) return interrupted() ? interrupted_early("pub") : report("pub", to.error());
    return o.feed.run(
        "pub", to->max_message(), *deadline,
        [&](Bytes b, std::uint64_t, Deadline d) { return to->publish(b, o.topic, d); },
        [&](Deadline d) { return to->flush(d); });
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    o->feed.define(app, "the channel: shm:NAME, unix:/path?listen, nats://host:4222/subject");
    app.add_option("--topic", o->topic, "of each message, as in prices.fx.eur")->type_name("TOPIC");
    app.add_option("--subscribers", o->subscribers, "wait until so many are there")->type_name("N");
    app.add_option("--depth", o->depth, "kept for who is slow and for who comes later, when it is made")
        ->type_name("SIZE");
    app.add_option("--durability", o->durability, "none, process or power: refused where it cannot be had")
        ->type_name("WORD");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command pub_command;
const Command pub_command{.name = "pub",
                          .arguments = "URI [FILE|-]",
                          .summary = "publish messages to all who subscribed",
                          .examples =
                              "echo 1.0842 | wye pub shm:prices --topic fx.eur\n"
                              "tail -F log | wye pub --lines 'unix:/run/log.sock?listen'\n"
                              "wye pub --durability process nats://127.0.0.1:4222/news text",
                          .define = define,
                          .completes_uris = true};

}  // namespace wye::cli
