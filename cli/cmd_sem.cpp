// wye sem: a command that runs while it holds one unit of a semaphore, so that at most N of them run at once.
#include "wye/base/text.hpp"

#include "child.hpp"
#include "command.hpp"

#include <fmt/format.h>

#include <optional>

namespace wye::cli {
namespace {

struct Options {
    std::string uri, timeout;
    std::vector<std::string> command;
    std::optional<unsigned> permits;
};

// All units that there are, where the kind knows them while they are held; else those that are free.
std::uint64_t units_of(Semaphore& s, const std::string& uri, bool& all) {
    all = false;
    if (const auto seen = inspect(uri))
        for (const auto& [name, value] : seen->facts)
            if (const auto* n = std::get_if<std::uint64_t>(&value); n && name == "units") return all = true, *n;
    return s.value().value_or(0);
}

// What was made with another number would let more run, or fewer, than was asked for.
bool has_other_number(Semaphore& s, unsigned wanted, const std::string& uri) {
    bool all = false;
    const auto units = units_of(s, uri, all);
    if (all ? units == wanted : units <= wanted) return false;
    fmt::print(
        stderr,
        "wye: sem: {}: is there with {} units{}, not --permits={}; wye rm it to give it another number, or leave "
        "--permits out to take it as it is\n",
        escape(uri), units, all ? "" : " free", wanted);
    return true;
}

int run(Options& o) {
    const Dispositions before;
    const auto shown = "(wye sem URI [-n N] -- COMMAND [ARGUMENT]...; see wye help sem)";
    if (!o.command.empty() && o.command[0] != "--")
        return usage_error("sem", fmt::format("{}: not expected before \"--\" {}", escape(o.command[0]), shown));
    if (o.command.size() < 2) return usage_error("sem", fmt::format("no command {}", shown));
    o.command.erase(o.command.begin());
    auto deadline = Deadline::never();
    if (!o.timeout.empty()) {
        const auto t = duration_of("sem", "--timeout", o.timeout);
        if (!t) return exit_usage;
        deadline = *t;
    }
    if (o.permits == 0u) return usage_error("sem", "--permits=0: nothing would ever run");
    catch_signals();
    auto semaphore = patiently(deadline, [&](Deadline d) {
        return open_semaphore(o.uri, {.create = Create::if_missing, .initial = o.permits.value_or(1)}, d);
    });
    if (!semaphore) return finish(report("sem", semaphore.error()));
    if (o.permits && has_other_number(*semaphore, *o.permits, o.uri)) return exit_busy;
    auto permit = patiently(deadline, [&](Deadline d) { return semaphore->acquire(d); });
    if (interrupted()) return interrupted_early("sem");
    if (!permit) {
        if (!permit.error().is(Errc::timed_out)) return report("sem", permit.error());
        fmt::print(stderr, "wye: sem: {}: no unit within {}\n", escape(o.uri), escape(o.timeout));
        return exit_timeout;
    }
    const int code = run_child("sem", o.command, before);
    if (const auto given = permit->release(); !given) (void)report("sem", given.error());
    return code;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option(
           "uri", o->uri,
           "a semaphore, made if it is missing; in sysv-sem: a killed unit comes back, in posix-sem: it is lost")
        ->required();
    app.allow_extras();  // the command's words, untouched: as an option's, [a,b] would be two
    app.add_option("-n,--permits", o->permits,
                   "units, when it is made (default 1); one that is there with another number is refused")
        ->type_name("N");
    app.add_option("-t,--timeout", o->timeout, "give up after this long without a unit, with 124: 500ms, 2s, 1m")
        ->type_name("TIME");
    return [o, &app] {
        o->command = app.remaining();
        return run(*o);
    };
}

}  // namespace

extern const Command sem_command;
const Command sem_command{.name = "sem",
                          .arguments = "URI [-n N] -- COMMAND [ARGUMENT]...",
                          .summary = "run a command while holding one unit of a semaphore: at most N at once",
                          .examples =
                              "wye sem -n 2 sysv-sem:/etc/hostname#7 -- make   # at most two on this machine\n"
                              "ls *.wav | xargs -P 8 -I{} wye sem -n 2 sysv-sem:key=0x51 -- lame {}\n"
                              "wye rm sysv-sem:key=0x51                        # to give it another number of units",
                          .define = define,
                          .completes_uris = true};

}  // namespace wye::cli
