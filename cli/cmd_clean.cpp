// wye clean: takes away what nobody has any more. Without --yes it only says what it would do.
#include "wye/base/text.hpp"

#include "clean_plan.hpp"
#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "registry/cleaner.hpp"
#include "registry/inventory.hpp"
#include "terminal.hpp"
#include "undo_store.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> kinds;
    std::string user, age, since, quarantine, rules;
    unsigned keep = 7;  // days
    bool yes = false, likely = false, no_quarantine = false, explain = false, json = false;
};

// A line that says how far it is: on a terminal, once it has taken a while.
class Counter {
public:
    explicit Counter(std::size_t all) : all_(all) {}
    ~Counter() {
        if (shown_) fmt::print(stderr, "\r\x1b[K");
    }
    Counter(const Counter&) = delete;
    Counter& operator=(const Counter&) = delete;
    void at(std::size_t n) {
        const auto now = now_ns();
        if (now - last_ < 200'000'000 || now - start_ < 1'000'000'000 || !stderr_is_terminal()) return;
        last_ = now, shown_ = true;
        fmt::print(stderr, "\r\x1b[Kclean: {} of {} objects", n, all_);
    }

private:
    std::size_t all_;
    std::int64_t start_ = now_ns(), last_ = 0;
    bool shown_ = false;
};

// One run: what it did is in the plan's rows, in the manifest, and in the log.
class Work {
public:
    Work(const Options& o, std::chrono::seconds age, const std::vector<Rule>& rules, Plan& plan, sys::Store store,
         sys::Run run)
        : plan_(plan), store_(std::move(store)), run_(std::move(run)) {
        Cleaner::Options c{.likely = o.likely, .keep = !o.no_quarantine, .age = age, .rules = rules};
        c.run = run_.id(), c.store = run_.directory();
        cleaner_.emplace(std::move(c),
                         Cleaner::Observer{
                             .begins = [this](auto n, const auto& i, const auto& r) { return begin(n, i, r); },
                             .ended = [this](auto n, auto out, const auto& why) { end(n, out, why); },
                         });
    }
    Result<> head(const Options& o) {
        const auto until = now_ns() + std::int64_t{o.keep} * 86'400 * 1'000'000'000;
        return run_.append(dumped(run_header(run_.id(), until)), true);
    }
    void all() {
        Counter counter(plan_.count(Action::remove));
        std::size_t done = 0;
        for (std::size_t n = 0; n < plan_.rows.size(); ++n) {
            auto& row = plan_.rows[n];
            if (row.action == Action::refuse) log(row, "refused", row.why);
            if (row.action != Action::remove) continue;
            if (interrupted()) continue;  // it stays "not reached"
            counter.at(done++);
            cleaner_->remove(n, row.item);
        }
        cleaner_->finish();
    }
    std::string id() const { return run_.id(); }
    // Of what could not be kept nothing is to be undone.
    void close(bool keep) {
        if (!keep || plan_.done(Outcome::removed) == 0)
            if (const auto m = run_.manifest(); m) {
                const auto run = parse_manifest(run_.id(), *m);
                const bool open = std::ranges::any_of(
                    run.entries, [&](const Entry& e) { return e.state != State::removed && e.open(); });
                if (!open) (void)store_.drop(std::move(run_));
            }
    }

private:
    Result<> begin(std::size_t n, const Item& item, const std::vector<sys::Relic>& relics) {
        const bool on_disk = std::ranges::any_of(relics, &sys::Relic::stays);
        return run_.append(dumped(entry_line(n, item, relics)), on_disk);
    }
    void end(std::size_t n, Cleaner::Outcome out, const std::string& why) {
        auto& row = plan_.rows[n];
        row.outcome = out == Cleaner::Outcome::removed ? Outcome::removed
                      : out == Cleaner::Outcome::left  ? Outcome::left
                                                       : Outcome::failed;
        row.why = why;
        if (const auto r = run_.append(dumped(state_line(n, name(row.outcome), why))); !r)
            fmt::print(stderr, "wye: clean: {}\n", r.error().message());
        log(row, name(row.outcome), why);
    }
    void log(const PlanRow& row, std::string_view event, const std::string& why) {
        auto what = evidence_of(row);
        if (!why.empty()) what["why"] = why;
        log_event(store_, event, run_.id(), what);
    }

    Plan& plan_;
    sys::Store store_;
    sys::Run run_;
    std::optional<Cleaner> cleaner_;
};

void print(const Options& o, const Plan& plan, const std::string& run) {
    if (o.json) return page_out(dumped(as_json(plan, !o.yes, run), 2) + "\n");
    auto out = o.explain ? explained(plan) : as_table(plan);
    out += summary(plan, !o.yes) + "\n";
    const bool any = o.yes ? plan.done(Outcome::removed) != 0 : plan.count(Action::remove) != 0;
    const auto undo = o.no_quarantine ? std::string("There is no undo: nothing is kept (--no-quarantine)")
                      : run.empty()   ? fmt::format("It can be undone for {} days: wye undo", o.keep)
                                      : fmt::format("Undo for {} days: wye undo {}{}", o.keep, run,
                                                  o.quarantine.empty() ? "" : " --quarantine " + escape(o.quarantine));
    if (any) out += fmt::format("{}{}.\n", o.yes ? "" : "run again with --yes.  ", undo);
    page_out(out + coverage_line(plan.coverage) + ".\n");
}

int act(const Options& o, const PlanOptions& p, Plan& plan) {
    const auto failed = [&](const Error& e) {
        report("clean", e);
        return static_cast<int>(exit_failed);
    };
    const auto path = store_path(o.quarantine);
    if (!path) return failed(path.error());
    auto store = sys::Store::make(*path);
    if (!store) return failed(store.error());
    catch_signals();
    ::signal(SIGXFSZ, SIG_IGN);  // a limit on files is an error of keeping, and the object goes back
    drop_expired(*store);
    auto run = store->begin();
    if (!run) return failed(run.error());
    Work work(o, p.age, p.rules, plan, std::move(*store), std::move(*run));
    if (const auto h = work.head(o); !h) return failed(h.error());
    work.all();
    const auto id = work.id();
    work.close(!o.no_quarantine);
    print(o, plan, id);
    const auto stopped = plan.count(Action::remove) - plan.done(Outcome::removed) - plan.done(Outcome::left) -
                         plan.done(Outcome::failed);
    if (stopped != 0) fmt::print(stderr, "wye: clean: stopped; {} objects were not reached\n", stopped);
    return finish(plan.done(Outcome::failed) != 0 ? exit_failed : plan.done(Outcome::left) != 0 ? exit_busy : exit_ok);
}

int run(const Options& o) {
    PlanOptions p{.kinds = o.kinds, .likely = o.likely};
    // The grace is for programs that make something and attach it later; a job that is over makes nothing more.
    const auto age = duration_of("clean", "--age", !o.age.empty() ? o.age : o.since.empty() ? "10m" : "0");
    if (!age) return exit_usage;
    p.age = std::chrono::duration_cast<std::chrono::seconds>(*age);
    if (!o.user.empty() && !(p.uid = user_id(o.user)))
        return usage_error("clean", fmt::format("--user: there is no user \"{}\"", escape(o.user)));
    for (const auto& k : o.kinds)
        if (const auto known = inventory_kinds(); std::ranges::find(known, k) == known.end())
            return usage_error("clean", fmt::format("no kind \"{}\"; as in: wye clean posix-shm", escape(k)));
    if (!o.since.empty()) {
        if (!(p.since = moment_of(o.since)))
            return usage_error("clean", fmt::format("--since={}: write a moment as 2026-11-23T10:00, @1700000000 "
                                                    "or, for so long ago, 2h",
                                                    escape(o.since)));
        if (o.user.empty() && ::geteuid() == 0)
            return usage_error("clean", "--since needs a user: as in wye clean --user carol --since 2h");
    }
    if (!o.quarantine.empty() && o.no_quarantine)
        return usage_error("clean", "--quarantine and --no-quarantine exclude each other");
    const auto rules = read_rules(o.rules);
    if (!rules) return (void)report("clean", rules.error()), int{view_error};
    p.rules = *rules;
    auto plan = make_plan(p);
    if (!o.yes) {
        print(o, plan, "");
        return view_exit(plan.coverage, plan.count(Action::remove) != 0);
    }
    return act(o, p, plan);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("kind", o->kinds, "only these kinds, as wye ls has them");
    app.add_flag("--yes", o->yes, "do it; without, it is only said what would be done");
    app.add_flag("--likely", o->likely, "also what is only likely to be nobody's");
    app.add_option("--user", o->user, "only what belongs to this user");
    app.add_option("--kind", o->kinds, "the same as KIND");
    app.add_option("--since", o->since, "only what was made or changed since: 2026-11-23T10:00, @1700000000, 2h (ago)");
    app.add_option("--age,--grace", o->age, "how long it must have been left alone (10m; with --since 0)");
    app.add_option("--quarantine", o->quarantine,
                   "where it is kept to be undone, in place of /var/lib/wye or ~/.local");
    app.add_flag("--no-quarantine", o->no_quarantine, "keep nothing: it cannot be undone");
    app.add_option("--keep", o->keep, "for how many days it can be undone (7)")->between(0, 3650);
    app.add_option("--rules", o->rules, "one more file of rules, asked first (docs/verdicts.md)");
    app.add_flag("--explain", o->explain, "the evidence for each");
    app.add_flag("--json", o->json, "one document, schema wye.clean/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command clean_command;
const Command clean_command{.name = "clean",
                            .arguments = "[KIND]...",
                            .summary = "takes away what nobody has any more; only says so, without --yes",
                            .examples =
                                "wye clean                                  # what would go, and why nothing else\n"
                                "wye clean --user $USER --yes               # it goes; wye undo brings it back\n"
                                "wye clean posix-shm sysv-sem --likely --explain\n"
                                "wye clean --user carol --since @$START --yes   # at the end of a job",
                            .define = define};

}  // namespace wye::cli
