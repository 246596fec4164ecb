// wye bench: every means of this machine side by side, beside what else people use.
#include "wye/base/text.hpp"
#include "wye/os/replace_file.hpp"
#include "wye/os/temp_dir.hpp"
#include "wye/process/nats_server.hpp"

#include "bench_report.hpp"
#include "bench_text.hpp"
#include "command.hpp"
#include "measure/compare.hpp"
#include "measure/peers.hpp"
#include "measure/plan.hpp"
#include "os/errno.hpp"
#include "pager.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Options {
    std::vector<std::string> means, workloads, sizes;
    bool quick = false, full = false, peers = false, list = false, compare = false, all = false;
    std::uint64_t seconds = 0, rounds = 0;
    std::string json, html, svg, from;
};

// ---------------------------------------------------------------- what is measured

std::vector<std::string> peer_programs() {
    std::vector<std::string> all;
    std::error_code e;
    const auto here = fs::read_symlink("/proc/self/exe", e).parent_path();
    for (const auto& place : {here / "../bench/peers", here / "../libexec/wye/peers"})
        for (fs::directory_iterator it(place, e), end; !e && it != end; it.increment(e))
            if (it->path().filename().string().starts_with("wye-peer-") && it->path().extension().empty())
                all.push_back(fs::weakly_canonical(it->path()).string());
    std::ranges::sort(all);
    return all;
}

struct Subjects {
    std::vector<measure::Program> programs;
    std::vector<measure::Missing> missing;
};

void add_peers(Subjects& s) {
    std::set<std::string> there;
    for (auto& p : peer_programs()) {
        there.insert(fs::path(p).filename().string());
        s.programs.push_back({{std::move(p)}});
    }
    for (const auto& p : measure::known_peers())
        if (!there.contains("wye-peer-" + p.program))
            for (const auto& name : p.means) s.missing.push_back({name, p.group, p.why_missing()});
}

Subjects subjects(const Options& o, const std::string& directory, const NatsServer* nats) {
    Subjects s;
    std::vector<std::string> ours{"/proc/self/exe", "__measure", "--directory", directory};
    if (nats) ours.insert(ours.end(), {"--nats", nats->uri("SUBJECT"), "--nats-pid", std::to_string(nats->pid())});
    s.programs.push_back({std::move(ours)});
    if (!NatsServer::available())
        s.missing.push_back({"nats", "wye", "nats-server is not installed (./dev setup, or apt install nats-server)"});
    if (o.peers) add_peers(s);
    return s;
}

std::optional<measure::Wish> wish_of(const Options& o) {
    measure::Wish w{.means = o.means, .workloads = o.workloads, .sizes = {}, .full = o.full};
    for (const auto& text : o.sizes) {
        const auto n = parse_size(text);
        if (!n || *n == 0 || *n > (std::uint64_t{1} << 30)) {
            usage_error("bench", fmt::format("--size {}: a number of bytes from 1 to 1G, as in 64, 4K or 1M", text));
            return {};
        }
        w.sizes.push_back(*n);
    }
    if (o.full) w.budget = 15min, w.rounds = 5;
    if (o.seconds) w.budget = std::chrono::seconds(o.seconds);
    if (o.rounds) w.rounds = static_cast<unsigned>(o.rounds);
    return w;
}

// ---------------------------------------------------------------- what comes of it

int write_file(const std::string& path, std::string_view what) {
    if (path == "-") return put(what), exit_ok;
    std::error_code e;
    if (const auto there = fs::status(path, e); !e && fs::exists(there) && !fs::is_regular_file(there)) {
        std::ofstream out(path);  // /dev/stderr, a FIFO: nothing to be replaced
        out << what << std::flush;
        return out ? int{exit_ok} : report("bench", sys::error(-errno, "write", path));
    }
    const auto r = replace_file(path, std::as_bytes(std::span(what)), {.permissions = 0644});
    return r ? int{exit_ok} : report("bench", r.error());
}

// Where `wye advise` looks.
std::string kept_figures() {
    if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/')
        return std::string(state) + "/wye/bench.json";
    const char* home = std::getenv("HOME");
    return home && *home == '/' ? std::string(home) + "/.local/state/wye/bench.json" : "";
}

void keep(const Json& document) {
    const auto path = kept_figures();
    if (path.empty() || document.at("mode") == "own" || !document.at("complete").get<bool>()) return;
    std::error_code e;
    fs::create_directories(fs::path(path).parent_path(), e);
    const auto text = document.dump() + "\n";
    (void)replace_file(path, std::as_bytes(std::span(text)));
}

// One line on standard error, while it is a terminal.
class Line {
public:
    ~Line() {
        if (shown_) fmt::print(stderr, "\r\033[K");
    }
    void show(const measure::Bench::State& s) {
        const auto now = std::chrono::steady_clock::now();
        if (!stderr_is_terminal() || now - last_ < 100ms) return;
        last_ = now, shown_ = true;
        const auto text =
            fmt::format("{:3.0f} %  {:.0f} s left  {}",
                        100. * static_cast<double>(s.done) / static_cast<double>(std::max<std::size_t>(s.all, 1)),
                        s.seconds_left, escape(s.what));
        fmt::print(stderr, "\r\033[K{}", text.substr(0, terminal_width() - 1));
        std::fflush(stderr);
    }

private:
    std::chrono::steady_clock::time_point last_{};
    bool shown_ = false;
};

int written(const Options& o, const Json& document) {
    int code = exit_ok;
    if (!o.json.empty()) code = std::max(code, write_file(o.json, document.dump(1) + "\n"));
    if (!o.html.empty()) code = std::max(code, write_file(o.html, html_report(document)));
    if (!o.svg.empty())
        if (const auto drawn = svg_report(document, o.svg); !drawn)
            code = std::max(code, report("bench", drawn.error()));
    if (o.json != "-" && o.html != "-") page_out(bench_text(document));
    return code;
}

int measured(const Options& o) {
    catch_signals();
    const auto wish = wish_of(o);
    if (!wish) return exit_usage;
    auto directory = TempDir::make("wye-bench");
    if (!directory) return report("bench", directory.error());
    std::optional<NatsServer> server;
    if (NatsServer::available() && !o.list)
        if (auto s = NatsServer::start({})) server.emplace(std::move(*s));
    const auto s = subjects(o, directory->path(), server ? &*server : nullptr);
    auto bench = measure::Bench::plan(s.programs, s.missing, *wish);
    if (!bench) return report("bench", bench.error());
    Json document;
    {
        Line line;
        document = bench->run([&](const measure::Bench::State& state) {
            line.show(state);
            return !interrupted();
        });
    }
    keep(document);
    const int code = written(o, document);
    return document.at("complete").get<bool>() ? code : finish(exit_failed);
}

// ---------------------------------------------------------------- the other things it does

int listed(const Options& o) {
    auto directory = TempDir::make("wye-bench");
    if (!directory) return report("bench", directory.error());
    const auto s = subjects(o, directory->path(), nullptr);
    std::string out = "workloads:\n";
    for (const auto& w : measure::workloads()) out += fmt::format("  {:<12}{}\n", w.name, w.summary);
    out += "means:\n";
    for (const auto& p : s.programs) {
        const auto means = measure::means_of(p);
        if (!means) return report("bench", means.error());
        for (const auto& m : *means)
            out += fmt::format("  {:<20}{:<8}{}\n", escape(plain(m.at("name"))), escape(plain(m.at("group"))),
                               escape(plain(m.at("summary"))));
    }
    for (const auto& m : s.missing) out += fmt::format("  {:<20}{:<8}missing: {}\n", m.name, m.group, m.why);
    page_out(out);
    return exit_ok;
}

Result<Json> read_result(const std::string& path) {
    std::ifstream in(path);
    if (!in) return std::unexpected(Error(Errc::not_found, "open", path, ENOENT));
    auto j = Json::parse(in, nullptr, false);
    if (j.is_discarded()) return refuse(Errc::corrupt, path + ": is no JSON");
    return j;
}

// A result of another day or another machine: as a table, a page, pictures.
int shown(const Options& o) {
    const auto document = read_result(o.from);
    if (!document) return report("bench", document.error());
    if (!document->is_object() || document->value("schema", "") != "wye.bench/1")
        return report("bench",
                      Error::saying(Errc::mismatch, o.from + ": is no result of wye bench (schema wye.bench/1)"));
    try {
        return written(o, *document);
    } catch (const nlohmann::json::exception& e) {
        return report("bench", Error::saying(Errc::mismatch, o.from + ": is no result of wye bench: " + e.what()));
    }
}

int compared(const Options& o) {
    if (o.means.size() != 2)
        return usage_error("bench", "--compare takes two files: wye bench --compare before.json after.json");
    std::vector<Json> both;
    for (const auto& path : o.means) {
        auto j = read_result(path);
        if (!j) return report("bench", j.error());
        both.push_back(std::move(*j));
    }
    const auto c = measure::compare(both[0], both[1]);
    if (!c) return report("bench", c.error());
    if (!o.json.empty()) return write_file(o.json, comparison_json(*c).dump(1) + "\n");
    page_out(comparison_text(*c, o.all));
    return std::ranges::any_of(c->rows, [](const auto& d) { return d.verdict == measure::Difference::Verdict::worse; })
               ? exit_failed
               : exit_ok;
}

int run(const Options& o) {
    if (o.compare) return compared(o);
    if (!o.from.empty()) return shown(o);
    return o.list ? listed(o) : measured(o);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("means", o->means, "those alone (unix, unix:seqpacket, zeromq); with --compare two files");
    app.add_option("--workload", o->workloads, "that alone; given again, it adds")
        ->allow_extra_args(false)
        ->delimiter(',');
    app.add_option("--size", o->sizes, "of a message, in bytes; given again, it adds")
        ->allow_extra_args(false)
        ->delimiter(',');
    auto* quick = app.add_flag("--quick", o->quick, "about a minute (this is the default)");
    app.add_flag("--full", o->full, "every workload, size and number of processes: a quarter of an hour and more")
        ->excludes(quick);
    app.add_flag("--peers", o->peers, "beside others' libraries, where they are installed");
    app.add_option("--seconds", o->seconds, "that it is to take, as far as it can");
    app.add_option("--rounds", o->rounds, "how often each is measured (3; with --full 5)");
    app.add_option("--json", o->json, "write the result there, schema wye.bench/1; -: standard output, and no tables");
    app.add_option("--html", o->html, "write a page with charts there, which needs no network and no other file");
    app.add_option("--svg", o->svg, "write pictures into that directory");
    app.add_option("--from", o->from, "show a result that --json wrote before, and measure nothing");
    auto* list = app.add_flag("--list", o->list, "what can be measured");
    app.add_flag("--compare", o->compare, "two results: better, worse, noise; exit code 1 when something is worse")
        ->excludes(list);
    app.add_flag("--all", o->all, "with --compare: what is noise, too");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command bench_command;
const Command bench_command{.name = "bench",
                            .arguments = "[MEANS...]",
                            .summary = "measure every means on this machine, side by side",
                            .examples =
                                "wye bench                                  # about a minute\n"
                                "wye bench --peers --json today.json        # beside others' libraries\n"
                                "wye bench --from today.json --html page.html   # with charts\n"
                                "wye bench shm unix --workload latency --size 64,4K\n"
                                "wye bench --compare before.json today.json # better, worse, noise",
                            .define = define};

}  // namespace wye::cli
