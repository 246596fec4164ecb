// What `wye bench` starts for each piece of work with a room of ours, as it starts others' programs for theirs.
#include "wye/process/nats_server.hpp"

#include "command.hpp"
#include "measure/floor.hpp"
#include "measure/program.hpp"
#include "measure/rooms.hpp"

#include <optional>

namespace wye::cli {
namespace {

struct Options {
    std::string directory, nats;
    std::uint64_t nats_pid = 0;
    std::vector<std::string> words;
};

int run(const Options& o) {
    const auto work = o.words.size() == 2 ? measure::work_from(measure::Json::parse(o.words[1], nullptr, false))
                                          : refuse(Errc::not_found, "no work");
    const std::string only = work ? work->means : "";
    // What sleeps beside others has a server of its own, so that what that costs is nobody else's.
    std::optional<NatsServer> own;
    if (only == "nats" && work->workload == "idle")
        if (auto s = NatsServer::start({})) own.emplace(std::move(*s));
    auto all = measure::room_means(o.directory, own ? own->uri("SUBJECT") : o.nats, only);
    const auto nats_pid = own ? static_cast<pid_t>(own->pid()) : static_cast<pid_t>(o.nats_pid);
    for (auto& m : all)
        if (nats_pid && m->name == "nats") m->daemons.push_back(nats_pid);
    for (auto& m : measure::floor_means()) all.push_back(std::move(m));
    std::string name = "wye __measure";
    std::vector<std::string> words = o.words;
    std::vector<char*> argv{name.data()};
    for (auto& w : words) argv.push_back(w.data());
    return measure::program_main(static_cast<int>(argv.size()), argv.data(), all);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("--directory", o->directory);
    app.add_option("--nats", o->nats);
    app.add_option("--nats-pid", o->nats_pid);  // whose work counts, too
    app.allow_extras();
    return [o, &app] {
        o->words = app.remaining();
        return run(*o);
    };
}

}  // namespace

extern const Command measure_rooms_command;
const Command measure_rooms_command{
    .name = "__measure", .arguments = "", .summary = "", .examples = "", .define = define};

}  // namespace wye::cli
