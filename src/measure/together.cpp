// Those that sleep for a minute, side by side.
#include "wye/process/command.hpp"

#include "measure/plan.hpp"

#include <signal.h>

#include <algorithm>
#include <utility>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto to_be_there = 30s;  // the next one no longer waits for it then
constexpr auto look = 50ms;

Result<Job> asleep(const Program& p, const Work& w) {
    auto argv = p.argv;
    argv.insert(argv.end(), {"run", to_json(w).dump()});
    return Command(std::move(argv)).err(Target::capture()).grace(200ms).start();
}

Result<Taken> what_it_took(Job& job) {
    WYE_TRY(const auto exit, job.wait(Deadline::now()));
    const auto& said = job.output();
    if (!exit.ok()) return refuse(Errc::failed, last_line(said.err.empty() ? exit.text() : said.err));
    const auto j = Json::parse(said.out, nullptr, false);
    if (j.is_discarded()) return refuse(Errc::corrupt, "answers no JSON");
    return taken_from(j);
}

}  // namespace

std::string last_line(std::string s) {
    while (s.ends_with('\n')) s.pop_back();
    return s.substr(s.rfind('\n') + 1);
}

// Each begins when the one before is there and asleep: so what several have a limit on goes to the smaller first, and
// what one does to get there no other one sees, but for those that lie there already.
bool Bench::all_asleep(const std::function<bool(std::string_view)>& go_on) {
    struct One {
        Cell* cell;
        Job job;
    };
    std::vector<One> all;
    std::vector<Cell*> cells;
    for (auto& c : cells_)
        if (sleeps(c)) cells.push_back(&c);
    std::ranges::sort(cells, {}, [](const Cell* c) { return std::pair(c->work.at_once, c); });
    const auto enough = [&] {
        for (auto& one : all)
            if (one.job.running()) (void)::kill(one.job.pid(), SIGTERM);
        for (auto& one : all) (void)one.job.wait(to_be_there);  // who is about to get there does so, and cleans up
        return false;
    };
    for (auto* c : cells) {
        auto job = asleep(*c->program, c->work);
        if (!job) {
            c->trouble = job.error().message();
            continue;
        }
        all.push_back({c, std::move(*job)});
        auto& one = all.back().job;
        for (const auto until = Clock::now() + to_be_there; one.output().out.empty() && Clock::now() < until;) {
            if (!go_on(c->work.means + " idle")) return enough();
            if (one.wait(look)) break;
        }
    }
    const auto until = Clock::now() + (cells.empty() ? 0ms : cells.back()->work.time) + to_be_there;
    for (auto& one : all)
        while (one.job.running() && !one.job.wait(look) && Clock::now() < until)
            if (!go_on("all idle")) return enough();
    for (auto& one : all) {
        auto taken = what_it_took(one.job);
        if (taken)
            one.cell->rounds.push_back(std::move(*taken));
        else
            one.cell->trouble = taken.error().message();
    }
    return true;
}

}  // namespace wye::measure
