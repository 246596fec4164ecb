// wye put: jobs into a work queue.
#include "wye/pattern/work_queue.hpp"

#include "feed.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    Feed feed;
    QueueOptions how;
    std::string durability = "none", depth, id;
    unsigned priority = 0;
};

int run(Options& o) {
    catch_signals();
    const auto deadline = o.feed.deadline("put");
    const auto durability = durability_of("put", o.durability);
    if (!deadline || !durability) return exit_usage;
    const auto depth = size_of("put", "--depth", o.depth);
    if (!depth) return exit_usage;
    o.how.depth = *depth, o.how.durability = *durability;
    auto to = patiently(*deadline, [&](Deadline d) { return Producer<>::open(o.feed.uri, o.how, d); });
    if (!to) return interrupted() ? interrupted_early("put") : report("put", to.error());
    return o.feed.run(
        "put", to->max_message(), *deadline,
        [&](Bytes b, std::uint64_t number, Deadline d) {
            const auto id = o.id.empty() ? o.id : fmt::format("{}-{}", o.id, number);
            return to->put(b, {.priority = o.priority, .id = id}, d);
        },
        [](Deadline) { return Result<>(); });
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    o->feed.define(app, "the queue: shm:NAME, unix:/path, posix-mq:/name, nats://host:4222/subject");
    app.add_option("--priority", o->priority, "of each job, where the means has priorities")->type_name("N");
    app.add_option("--id", o->id, "put again with the same ID-1, ID-2 ..., a job is still one (nats, unix)")
        ->type_name("ID");
    app.add_option("--depth", o->depth, "of jobs that wait, when it is made; then put waits")->type_name("SIZE");
    app.add_option("--deliveries", o->how.most_deliveries, "a job that came back so often is set aside (default 5)")
        ->type_name("N");
    app.add_option("--durability", o->durability, "none, process or power: refused where it cannot be had")
        ->type_name("WORD");
    app.add_flag("--at-most-once", o->how.at_most_once, "a worker that dies may lose its job (posix-mq, sysv-mq)");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command put_command;
const Command put_command{.name = "put",
                          .arguments = "URI [FILE|-]",
                          .summary = "put jobs into a work queue",
                          .examples =
                              "ls *.png | wye put --lines shm:resize\n"
                              "wye put --priority 5 --at-most-once posix-mq:/jobs job.json\n"
                              "wye put --durability process nats://127.0.0.1:4222/jobs job.json",
                          .define = define,
                          .completes_uris = true};

}  // namespace wye::cli
