// wye take: jobs from a work queue, to standard output or each to a program.
#include "wye/base/text.hpp"
#include "wye/pattern/work_queue.hpp"

#include "consume.hpp"
#include "handler.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    Consume consume;
    QueueOptions how;
    std::string lease, retry;
    std::vector<std::string> command;
    bool dead = false;
};

constexpr auto usage = "wye take URI [-- COMMAND [ARGUMENT]...]; see wye help take";

Result<> print(TakenJob<Bytes> job, MessageOutput& out, std::uint64_t number) {
    const auto size = job->size();
    const Json about{{"schema", "wye.job/1"},
                     {"number", number},
                     {"deliveries", job.deliveries()},
                     {"priority", job.priority()},
                     {"size", size}};
    WYE_CHECK(out.write(*job, about));  // dropped where nobody could read it: it goes back
    return std::move(job).done();
}

// Exit status 0 is done; anything else, and what ends us, gives it back.
Result<> work(TakenJob<Bytes> job, const Handler& handler, const Options& o, std::chrono::nanoseconds retry) {
    auto last = Deadline::Clock::now();
    const auto extend = [&]() -> Result<> {
        if (Deadline::Clock::now() - last < o.how.lease / 3) return {};
        last = Deadline::Clock::now();
        return job.extend();
    };
    const auto ran = handler.run(
        *job, Target::inherit(),
        {{"WYE_DELIVERIES", std::to_string(job.deliveries())}, {"WYE_PRIORITY", std::to_string(job.priority())}},
        Deadline::never(), extend);
    if (ran && ran->exit.ok()) return std::move(job).done();
    if (!ran && !ran.error().is(Errc::closed)) return std::unexpected(ran.error());
    if (ran) fmt::print(stderr, "wye: take: {}: the job goes back\n", handler.shown(ran->exit));
    return std::move(job).give_back(std::chrono::duration_cast<std::chrono::milliseconds>(retry));
}

int run(Options& o) {
    Handler handler;
    if (!handler.take(o.command, "take", usage, true)) return exit_usage;
    catch_signals();
    const auto ends = o.consume.ends("take");
    if (!ends) return exit_usage;
    std::chrono::nanoseconds retry{};
    if (!o.retry.empty()) {
        const auto t = duration_of("take", "--retry", o.retry);
        if (!t) return exit_usage;
        retry = *t;
    }
    if (!o.lease.empty()) {
        const auto t = duration_of("take", "--lease", o.lease);
        if (!t) return exit_usage;
        o.how.lease = std::chrono::duration_cast<std::chrono::milliseconds>(*t);
    }
    auto from = patiently(ends->total, [&](Deadline d) { return Worker<>::open(o.consume.uri, o.how, d); });
    if (!from) return interrupted() ? interrupted_early("take") : report("take", from.error());
    MessageOutput out(o.consume.form);
    std::uint64_t number = 0;
    return o.consume.run("take", *ends, [&](Deadline d) -> Result<> {
        auto job = o.dead ? from->take_dead(d) : from->take(d);
        if (!job && o.dead && job.error().is(Errc::timed_out)) return fail(Errc::closed, "take");
        if (!job) return std::unexpected(job.error());
        ++number;
        return handler.argv.empty() ? print(std::move(*job), out, number) : work(std::move(*job), handler, o, retry);
    });
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    o->consume.define(app, "the queue: shm:NAME, unix:/path, posix-mq:/name, nats://host:4222/subject",
                      "a line of JSON a job, schema wye.job/1");
    app.add_option("--retry", o->retry, "a job that failed comes again no sooner (nats, unix)")->type_name("TIME");
    app.add_option("--lease", o->lease, "nats: how long a worker may be silent (default 30s)")->type_name("TIME");
    app.add_option("--deliveries", o->how.most_deliveries, "a job that came back so often is set aside (default 5)")
        ->type_name("N");
    app.add_flag("--dead", o->dead, "what was set aside, until there is no more of it");
    app.add_flag("--at-most-once", o->how.at_most_once, "a worker that dies may lose its job (posix-mq, sysv-mq)");
    app.allow_extras();  // the command's words, untouched: as an option's, [a,b] would be two
    return [o, &app] {
        o->command = app.remaining();
        return run(*o);
    };
}

}  // namespace

extern const Command take_command;
const Command take_command{.name = "take",
                           .arguments = "URI [-- COMMAND [ARGUMENT]...]",
                           .summary = "take jobs: to standard output, or each to a command",
                           .examples =
                               "wye take shm:resize -- sh resize.sh     # the job is its input; exit 0: done\n"
                               "wye take --count 1 --timeout 5s shm:resize\n"
                               "wye take --dead --json shm:resize      # what nobody could do",
                           .define = define,
                           .completes_uris = true};

}  // namespace wye::cli
