// wye undo: what a run of `wye clean` took away comes back.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "items.hpp"
#include "pager.hpp"
#include "terminal.hpp"
#include "undo_store.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>

namespace wye::cli {
namespace {

struct Options {
    std::string id, quarantine;
    bool dry_run = false, json = false;
};

std::string local_time(std::int64_t ns) {
    const auto t = static_cast<time_t>(ns / 1'000'000'000);
    struct tm parts{};
    char text[32];
    ::localtime_r(&t, &parts);
    return {text, ::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

std::size_t open_entries(const RunFile& r) {
    return static_cast<std::size_t>(std::ranges::count_if(r.entries, &Entry::open));
}

std::vector<Column<RunFile>> columns() {
    using C = Column<RunFile>;
    return {
        C{"run", "RUN", [](const RunFile& r) { return r.id; }},
        C{"begun_ns", "WHEN", [](const RunFile& r) { return r.begun; },
          [](const RunFile& r) { return local_time(r.begun); }},
        C{"until_ns", "UNTIL", [](const RunFile& r) { return r.until; },
          [](const RunFile& r) { return local_time(r.until); }},
        C{"user", "BY", [](const RunFile& r) { return r.user; }, [](const RunFile& r) { return escape(r.user); }},
        C{"objects", "OBJECTS", open_entries, Column<RunFile>::Text(), true},
        C{"bytes", "SIZE", [](const RunFile& r) { return r.bytes(); },
          [](const RunFile& r) { return short_size(r.bytes()); }, true},
    };
}

int list(const Options& o, const std::string& path) {
    std::vector<RunFile> runs;
    if (const auto store = sys::Store::open(path)) {
        for (const auto& id : store->runs())
            if (const auto text = store->peek(id)) runs.push_back(parse_manifest(id, *text));
    } else if (!store.error().is(Errc::not_found)) {
        return report("undo", store.error());
    }
    if (o.json) {
        Json j{{"schema", "wye.undo/1"}, {"runs", to_json(runs, columns())}};
        page_out(dumped(j, 2) + "\n");
        return exit_ok;
    }
    if (runs.empty()) {
        page_out(fmt::format("nothing to undo in {}\n", escape(path)));
        return exit_ok;
    }
    std::string out;
    const auto text = to_lines(runs, columns());
    for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    page_out(out);
    return exit_ok;
}

struct Done {
    const Entry* entry;
    std::string_view outcome;  // "back", "in the way", "failed", "would come back"
    std::vector<std::string> lacks;
    std::string why;
};

Done restore(const Entry& e, sys::Run& run) {
    Done done{.entry = &e, .outcome = "back"};
    for (const auto& r : e.relics) {
        auto back = sys::put_back(r, run.directory());
        if (back) {
            done.lacks.insert(done.lacks.end(), back->begin(), back->end());
            continue;
        }
        const bool in_the_way = back.error().is(Errc::already_exists) || back.error().is(Errc::busy);
        done.outcome = in_the_way ? "in the way" : "failed", done.why = back.error().message();
        return done;
    }
    return done;
}

std::string line(const Done& d) {
    auto s = fmt::format("{} {}: {}", d.entry->kind, escape(d.entry->name), d.outcome);
    for (std::size_t n = 0; n < d.lacks.size(); ++n) s += (n == 0 ? ", but not " : "; ") + escape(d.lacks[n]);
    return d.why.empty() ? s + "\n" : s + ": " + escape(d.why) + "\n";
}

void print(const Options& o, const std::string& id, const std::vector<Done>& all) {
    if (o.json) {
        Json j{{"schema", "wye.undo/1"}, {"run", id}, {"dry_run", o.dry_run}, {"objects", Json::array()}};
        for (const auto& d : all)
            j["objects"].push_back({{"kind", d.entry->kind},
                                    {"name", d.entry->name},
                                    {"outcome", d.outcome},
                                    {"lacks", d.lacks},
                                    {"why", d.why.empty() ? Json(nullptr) : Json(d.why)}});
        return page_out(dumped(j, 2) + "\n");
    }
    std::string out;
    std::size_t back = 0;
    for (const auto& d : all) out += line(d), back += d.outcome == "back";
    if (o.dry_run)
        out += fmt::format("{} objects would come back\n", all.size());
    else
        out += fmt::format("{} of {} objects are back{}\n", back, all.size(),
                           back == all.size() ? "" : fmt::format("; the others are still kept in {}", id));
    page_out(out);
}

int undo(const Options& o, const std::string& path) {
    const auto store = sys::Store::open(path);
    if (!store) return report("undo", store.error());
    auto run = store->take(o.id);
    if (!run && run.error().is(Errc::not_found)) {
        fmt::print(stderr, "wye: undo: there is no run \"{}\"; wye undo lists them\n", escape(o.id));
        return exit_not_found;
    }
    if (!run) return report("undo", run.error());
    const auto text = run->manifest();
    if (!text) return report("undo", text.error());
    const auto file = parse_manifest(o.id, *text);
    catch_signals();
    std::vector<Done> all;
    bool whole = true;
    for (const auto& e : file.entries) {
        if (!e.open()) continue;
        if (interrupted()) {
            whole = false;
            break;
        }
        if (o.dry_run) {
            all.push_back({.entry = &e, .outcome = "would come back"});
            continue;
        }
        all.push_back(restore(e, *run));
        const auto& d = all.back();
        Json what{{"kind", e.kind}, {"name", e.name}, {"n", e.n}};
        if (!d.why.empty()) what["why"] = d.why;
        if (d.outcome == "back") {
            if (const auto r = run->append(dumped(state_line(e.n, "restored", ""))); !r) report("undo", r.error());
            log_event(*store, "restored", o.id, what);
        } else {
            whole = false;
            log_event(*store, "not restored", o.id, what);
        }
    }
    print(o, o.id, all);
    if (whole && !o.dry_run)
        if (const auto r = store->drop(std::move(*run)); !r) report("undo", r.error());
    const auto any = [&](std::string_view outcome) {
        return std::ranges::find(all, outcome, &Done::outcome) != all.end();
    };
    return finish(any("failed") ? exit_failed : any("in the way") ? exit_busy : exit_ok);
}

int run(const Options& o) {
    const auto path = store_path(o.quarantine);
    if (!path) return report("undo", path.error());
    return o.id.empty() ? list(o, *path) : undo(o, *path);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("run", o->id, "the run to undo, as wye clean named it; without, the runs are listed");
    app.add_option("--quarantine", o->quarantine, "where wye clean was told to keep it");
    app.add_flag("--dry-run", o->dry_run, "only what would come back");
    app.add_flag("--json", o->json, "one document, schema wye.undo/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command undo_command;
const Command undo_command{.name = "undo",
                           .arguments = "[RUN]",
                           .summary = "brings back what wye clean took away",
                           .examples =
                               "wye undo                 # what can be undone, and until when\n"
                               "wye undo 20261128-1",
                           .define = define};

}  // namespace wye::cli
