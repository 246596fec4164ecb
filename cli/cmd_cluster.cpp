// wye cluster: servers of one's own, and what the patterns keep while they die.
#include "wye/base/text.hpp"
#include "wye/transport/nats.hpp"

#include "cluster_demo.hpp"
#include "command.hpp"
#include "table.hpp"

#include <fmt/format.h>

#include <thread>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::string what, directory;
    unsigned servers = 0, seconds = 10, port = 0;
    std::uint64_t seed = 0;
    bool json = false;
};

Result<NatsCluster> started(const Options& o, unsigned servers) {
    NatsServerOptions how{.name = "node", .port = o.port, .directory = o.directory};
    return NatsCluster::start(servers, how, 20s);
}

int up(const Options& o) {
    auto all = started(o, o.servers ? o.servers : 1);
    if (!all) return report("cluster", all.error());
    fmt::print("{}\n", all->uri("SUBJECT"));
    std::fflush(stdout);
    fmt::print(stderr, "wye: cluster: {} server{} until Ctrl-C; what they keep lies in {}{}\n", all->size(),
               all->size() == 1 ? "" : "s", (*all)[0].directory(), o.directory.empty() ? ", and goes with them" : "");
    while (!interrupted()) {
        std::this_thread::sleep_for(100ms);
        for (std::size_t i = 0; i < all->size(); ++i)
            if (!(*all)[i].running() && !interrupted()) {
                fmt::print(stderr, "wye: cluster: the server at {} ended, and is started again\n", (*all)[i].address());
                if (const auto r = (*all)[i].restart(); !r) return report("cluster", r.error());
            }
    }
    for (std::size_t i = 0; i < all->size(); ++i) (void)(*all)[i].stop(3s);
    return finish(exit_ok);
}

const std::vector<Column<DemoRow>>& columns() {
    using R = DemoRow;
    static const std::vector<Column<R>> all{
        {"pattern", "PATTERN", [](const R& r) { return Json(r.pattern); }},
        {"tried", "TRIED", [](const R& r) { return Json(r.tried); }, {}, true},
        {"acked", "ACKED", [](const R& r) { return Json(r.acked); }, {}, true},
        {"failed", "FAILED", [](const R& r) { return Json(r.failed); }, {}, true},
        {"unknown", "UNKNOWN", [](const R& r) { return Json(r.unknown); }, {}, true},
        {"stored", "OF THEM STORED", [](const R& r) { return Json(r.stored); }, {}, true},
        {"redelivered", "REDELIVERED", [](const R& r) { return Json(r.redelivered); }, {}, true},
        {"duplicated", "DUPLICATED", [](const R& r) { return Json(r.duplicated); }, {}, true},
        {"lost", "LOST", [](const R& r) { return Json(r.lost); }, {}, true},
    };
    return all;
}

int demo(const Options& o) {
    const auto seed = o.seed ? o.seed : static_cast<std::uint64_t>(Deadline::Clock::now().time_since_epoch().count());
    auto all = started(o, o.servers ? o.servers : 3);
    if (!all) return report("cluster", all.error());
    const auto say = [&](const std::string& what) { fmt::print(stderr, "wye: cluster: {}\n", what); };
    say(fmt::format("{} servers on this host, seed {}", all->size(), seed));
    const auto r = cluster_demo(*all, std::chrono::seconds(o.seconds), seed, interrupted, say);
    if (!r) return interrupted() ? finish(exit_failed) : report("cluster", r.error());
    bool lost = false;
    for (const auto& row : r->rows) lost = lost || row.lost > 0;
    if (o.json) {
        Json document{{"schema", "wye.cluster-demo/1"},
                      {"servers", all->size()},
                      {"seed", seed},
                      {"kills", r->kills},
                      {"recovery_seconds", r->recovery}};
        document["rows"] = to_json(r->rows, columns());
        fmt::print("{}\n", document.dump(2));
    } else {
        for (const auto& line : to_lines(r->rows, columns())) fmt::print("{}\n", line);
        fmt::print("{} kills; {:.1f} s after the last of them everything had been read\n", r->kills, r->recovery);
    }
    return finish(lost ? exit_failed : exit_ok);
}

int run(const Options& o) {
    if (o.what != "up" && o.what != "demo")
        return usage_error("cluster",
                           fmt::format("\"{}\": write `wye cluster up` or `wye cluster demo`", escape(o.what)));
    if (o.servers > 9) return usage_error("cluster", fmt::format("--servers={}: 1 to 9", o.servers));
    catch_signals();
    return o.what == "up" ? up(o) : demo(o);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("what", o->what, "up: servers until Ctrl-C; demo: what is kept while they are killed")->required();
    app.add_option("--servers", o->servers, "how many (up: 1, demo: 3)")->type_name("N");
    app.add_option("--dir", o->directory, "up: where they keep what they keep; otherwise a temporary place")
        ->type_name("DIR");
    app.add_option("--port", o->port, "up: of the first; otherwise free ones")->type_name("PORT");
    app.add_option("--seconds", o->seconds, "demo: how long servers die (10)")->type_name("N");
    app.add_option("--seed", o->seed, "demo: the same victims again")->type_name("N");
    app.add_flag("--json", o->json, "demo: one document, schema wye.cluster-demo/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command cluster_command;
const Command cluster_command{
    .name = "cluster",
    .arguments = "up|demo",
    .summary = "NATS servers of one's own, and what is kept while they are killed",
    .examples =
        "wye cluster up                   # one server; prints the URI that it is reached by\n"
        "wye cluster up --servers 3 --dir ~/nats --port 14222\n"
        "wye cluster demo --seconds 20    # kill -9 among three; exit code 1 if anything acknowledged was lost",
    .define = define};

}  // namespace wye::cli
