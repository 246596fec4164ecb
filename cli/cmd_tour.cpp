// wye tour: two real processes a row carry a real file and small messages by every means, checked and measured.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "os/errno.hpp"
#include "table.hpp"
#include "terminal.hpp"
#include "tour.hpp"
#include "tour_chapters.hpp"
#include "tour_process.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct Row {
    const Mechanism* m = nullptr;
    std::string variant;
    std::string trouble;  // why it failed, or what the kernel lacks
    bool missing = false;
    std::uint64_t bytes = 0;
    bool equal = false;
    double throughput = 0, p50 = 0, p99 = 0, calls = 0;
    bool related = false;

    bool failed() const { return !missing && (!trouble.empty() || !equal); }
};

std::vector<int> open_descriptors() {
    std::vector<int> all;
    std::error_code e;
    for (fs::directory_iterator it("/proc/self/fd", e), end; !e && it != end; it.increment(e))
        all.push_back(std::atoi(it->path().filename().c_str()));
    std::erase_if(all, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });  // the directory's own
    std::ranges::sort(all);
    return all;
}

class Tour {
public:
    Tour(Material material, std::string directory) : material_(std::move(material)), directory_(std::move(directory)) {}

    // Nothing is known of a kind but what its Mechanism says.
    std::vector<Row> visit(const Mechanism& m) {
        std::vector<Row> rows;
        if (m.traits.data == Data::none) return rows;
        if (m.open_pair)
            rows.push_back(related(m));
        else if (m.open && m.scratch)
            for (const auto& uri : m.scratch(directory_)) {
                if (interrupted()) break;
                rows.push_back(strangers(m, uri));
            }
        else if (!m.started_peer.empty())
            rows.push_back(started(m));
        else if (m.inherited)
            rows.push_back(inherited(m));
        return rows;
    }

    /// Everything of ours that could outlive the tour, and is there: named objects, files, descriptors, processes. What
    /// others make on this machine meanwhile is theirs.
    std::vector<std::string> left_behind(const std::vector<int>& descriptors_before) const {
        std::vector<std::string> all;
        for (const auto& uri : names_)
            if (remove(uri, {.dry_run = true})) all.push_back(uri);
        std::error_code e;
        for (fs::directory_iterator it(directory_, e), end; !e && it != end; it.increment(e))
            all.push_back(it->path().string());
        for (const int fd : open_descriptors())
            if (!std::ranges::binary_search(descriptors_before, fd)) all.push_back(fmt::format("descriptor {}", fd));
        if (::waitpid(-1, nullptr, WNOHANG) >= 0) all.emplace_back("a child process");
        return all;
    }

    std::vector<std::string>& names() { return names_; }

private:
    Errand errand(const std::string& uri, const char* role) {
        return {.uri = uri,
                .files = material_.files,
                .bytes = material_.bytes,
                .chunk = 64 * 1024,
                .pings = 1000,
                .report = fmt::format("{}/{}.{}", directory_, ++reports_, role)};
    }

    static int become(const char* role, const Errand& e) {
        const auto order = nlohmann::json(e).dump();
        ::execl("/proc/self/exe", "wye", "__tour", role, order.c_str(), nullptr);
        return exit_failed;
    }

    Row related(const Mechanism& m) {
        Row row{.m = &m, .related = true};
        const std::string uri = std::string(m.traits.scheme) + ":";
        auto pair = open_pair(uri);
        if (!pair) {
            row.trouble = pair.error().message();
            row.missing = pair.error().is(Errc::unsupported);
            return row;
        }
        const auto in = errand(uri, "in"), out = errand(uri, "out");
        Process reader([&] {
            pair->second.close();
            write_report(tour_receive(pair->first, in), in);
            return 0;
        });
        Process writer([&] {
            pair->first.close();
            write_report(tour_send(pair->second, out), out);
            return 0;
        });
        pair->first.close();
        pair->second.close();
        return judge(std::move(row), reader, writer, in, out);
    }

    Row strangers(const Mechanism& m, const std::string& uri) {
        Row row{.m = &m, .variant = variant_of(uri)};
        names_.push_back(uri);
        auto in = errand(takes(m, "listen") ? with_param(uri, "listen") : uri, "in");
        auto out = errand(uri, "out");
        Process reader([&] { return become("recv", in); });
        Process writer([&] { return become("send", out); });
        row = judge(std::move(row), reader, writer, in, out);
        if (m.remove) (void)remove(uri);  // a socket took its path with it
        return row;
    }

    // The reader is started by the writer's open().
    Row started(const Mechanism& m) {
        Row row{.m = &m, .variant = "with " + std::string(m.started_peer), .related = true};
        const auto in = errand(std::string(m.started_peer), "in");
        std::error_code e;
        const auto self = fs::read_symlink("/proc/self/exe", e).string();
        const auto out = errand(fmt::format("{}:{} __tour recv {}", m.traits.scheme, percent_encode(self),
                                            percent_encode(nlohmann::json(in).dump())),
                                "out");
        Process writer([&] { return become("send", out); });
        return judge(std::move(row), writer, writer, in, out);
    }

    // Two programs, each started with an end of one pipe.
    Row inherited(const Mechanism& m) {
        Row row{.m = &m, .related = true};
        int ends[2];
        if (const long r = sys::pipe2(ends, 0); r < 0) {
            row.trouble = sys::error(r, "pipe2").message();
            return row;
        }
        Fd reads(ends[0]), writes(ends[1]);
        const auto in = errand(fmt::format("{}:{}", m.traits.scheme, reads.get()), "in");
        const auto out = errand(fmt::format("{}:{}", m.traits.scheme, writes.get()), "out");
        const auto with = [](const Fd& end, const char* role, const Errand& e) {
            return sys::fcntl(end.get(), F_SETFD, 0) < 0 ? exit_failed : become(role, e);
        };
        Process reader([&] { return with(reads, "recv", in); });
        Process writer([&] { return with(writes, "send", out); });
        reads.reset(), writes.reset();
        return judge(std::move(row), reader, writer, in, out);
    }

    static std::string variant_of(const std::string& uri) {
        const auto parsed = Uri::parse(uri);
        for (const auto what : {"type", "shape"})
            if (const auto value = parsed->get(what)) return std::string(*value);
        return parsed->address().starts_with("//[") ? "v6" : "";
    }

    Row judge(Row row, Process& reader, Process& writer, const Errand& in, const Errand& out) {
        const Deadline deadline = 60s;
        bool ended = writer.wait(deadline);
        if (&reader != &writer) ended = reader.wait(ended ? deadline : Deadline(1s)) && ended;
        reader.end(), writer.end();  // who is alive makes again what is taken away here
        const auto got = read_report(in.report), sent = read_report(out.report);
        for (const auto& report : {in.report, out.report}) fs::remove(report), fs::remove(report + ".half");
        for (const auto* r : {&sent, &got}) {
            if (!*r)
                row.trouble = (*r).error().message();
            else if (!(*r)->error.empty())
                row.trouble = (*r)->error, row.missing |= (*r)->missing;
        }
        if (interrupted())
            row.trouble = "interrupted";
        else if (!ended && row.trouble.empty())
            row.trouble = "did not end in time";
        if (!got || !sent || !row.trouble.empty()) return row;
        row.bytes = got->bytes;
        row.equal = got->digest == sent->digest && got->bytes == material_.bytes;
        row.throughput = static_cast<double>(got->bytes) / std::max(got->seconds, 1e-9);
        const auto& l = got->latencies;
        if (!l.empty()) {
            row.p50 = static_cast<double>(l[l.size() / 2]);
            row.p99 = static_cast<double>(l[l.size() * 99 / 100]);
        }
        row.calls = static_cast<double>(got->ping_calls + sent->ping_calls) /
                    static_cast<double>(std::max<std::size_t>(l.size(), 1));
        return row;
    }

    Material material_;
    std::string directory_;
    std::vector<std::string> names_;
    unsigned reports_ = 0;
};

// ---------------------------------------------------------------- showing

std::string traits_of(const Row& r) {
    const auto& t = r.m->traits;
    return fmt::format("{}, {}, {}", name(t.timing), name(t.direction), r.related ? "related" : "strangers");
}

std::string verdict(const Row& r) {
    if (r.missing) return "not here";
    return !r.trouble.empty() ? "FAILED" : r.equal ? "equal" : "DIFFERS";
}

std::vector<Column<Row>> columns() {
    using R = const Row&;
    const auto measured = [](R r, std::string s) { return r.trouble.empty() ? std::move(s) : std::string("-"); };
    return {
        {"means", "MEANS",
         [](R r) { return std::string(r.m->traits.scheme) + (r.variant.empty() ? "" : " " + r.variant); }},
        {"traits", "TRAITS", [](R r) { return traits_of(r); }},
        {"bytes", "BYTES", [](R r) { return r.bytes; },
         [=](R r) { return measured(r, human_size(static_cast<double>(r.bytes))); }, true},
        {"digest", "DIGEST", [](R r) { return verdict(r); }},
        {"bytes_per_second", "THROUGHPUT", [](R r) { return r.throughput; },
         [=](R r) { return measured(r, human_size(r.throughput) + "/s"); }, true},
        {"latency_p50_ns", "P50", [](R r) { return r.p50; }, [=](R r) { return measured(r, human_time(r.p50)); }, true},
        {"latency_p99_ns", "P99", [](R r) { return r.p99; }, [=](R r) { return measured(r, human_time(r.p99)); }, true},
        {"syscalls_per_message", "SYSCALLS", [](R r) { return r.calls; },
         [=](R r) { return measured(r, fmt::format("{:.2f}", r.calls)); }, true},
    };
}

void show_row(const Row& r, bool titles) {
    // Rows are shown as they come, so the widths are fixed.
    static constexpr unsigned widths[] = {20, 28, 9, 9, 13, 9, 9, 9};
    const auto lines = [&](bool title) {
        std::string s;
        std::size_t i = 0;
        for (const auto& c : columns()) {
            const auto cell = title ? std::string(c.title) : c.text ? c.text(r) : plain(c.value(r));
            s += c.right ? fmt::format("{:>{}} ", cell, widths[i]) : fmt::format("{:<{}} ", cell, widths[i]);
            ++i;
        }
        s.erase(s.find_last_not_of(' ') + 1);
        return s;
    };
    if (titles) say("{}\n", styled(lines(true), "1"));
    const auto line = lines(false);
    say("{}\n", r.failed() ? styled(line, "31") : r.missing ? styled(line, "2") : line);
    if (!r.trouble.empty()) say("    {}\n", escape(r.trouble));
    (void)flush_output();
}

void show_chapter(const Chapter& c, bool titles) {
    if (titles)
        say("\n{}\n", styled(fmt::format("{:<11}{:<74}{:<9}{:>9}", "CHAPTER", "WHAT IS SHOWN", "HELD", "TOOK"), "1"));
    const auto line = fmt::format("{:<11}{:<74}{:<9}{:>9}", c.name, c.what,
                                  c.missing    ? "not here"
                                  : c.failed() ? "FAILED"
                                               : "yes",
                                  c.trouble.empty() ? human_time(c.nanoseconds) : "-");
    say("{}\n", c.failed() ? styled(line, "31") : c.missing ? styled(line, "2") : line);
    if (!c.trouble.empty()) say("    {}\n", escape(c.trouble));
    (void)flush_output();
}

Json to_json(const Chapter& c) {
    Json j{{"chapter", c.name}, {"what", c.what}, {"held", c.trouble.empty()}, {"nanoseconds", c.nanoseconds}};
    if (!c.trouble.empty()) j["trouble"] = c.trouble;
    return j;
}

struct Options {
    std::string file;
    bool json = false;
};

int conclude(const Options& o, const std::vector<Row>& rows, const std::vector<Chapter>& chapters,
             const Material& material, const std::vector<std::string>& left) {
    const auto failed = static_cast<std::size_t>(std::ranges::count_if(rows, &Row::failed) +
                                                 std::ranges::count_if(chapters, &Chapter::failed));
    if (o.json) {
        Json document{{"schema", "wye.tour/1"}, {"material", material.label}, {"bytes", material.bytes}};
        document["rows"] = to_json(rows, columns());
        for (std::size_t i = 0; i < rows.size(); ++i) {
            document["rows"][i]["equal"] = rows[i].equal;
            if (!rows[i].trouble.empty()) document["rows"][i]["trouble"] = rows[i].trouble;
        }
        document["chapters"] = Json::array();
        for (const auto& c : chapters) document["chapters"].push_back(to_json(c));
        document["left_behind"] = left;
        document["failed"] = failed;
        say("{}\n", document.dump(2, ' ', false, Json::error_handler_t::replace));
    } else {
        say("\nLeft behind: {}\n", left.empty() ? "nothing" : fmt::format("{} objects", left.size()));
        for (const auto& l : left) say("    {}\n", escape(l));
        if (failed)
            say("{}\n", styled(fmt::format("{} of {} rows failed", failed, rows.size() + chapters.size()), "31"));
    }
    return finish(failed || !left.empty() ? exit_failed : exit_ok);
}

int run(const Options& o) {
    catch_signals();
    auto material = choose_material(o.file);
    if (!material) return report("tour", material.error());
    const char* base = std::getenv("TMPDIR");
    std::string directory = std::string(base && *base ? base : "/tmp") + "/wye-tour-XXXXXX";
    const auto descriptors = open_descriptors();
    if (!::mkdtemp(directory.data())) return report("tour", Error(Errc::failed, "mkdtemp", directory, errno));
    if (!o.json)
        say("{}, {}, carried by every means between two processes\n\n", escape(material->label),
            human_size(static_cast<double>(material->bytes)));
    (void)flush_output();
    Tour tour(*material, directory);
    std::vector<Row> rows;
    for (const auto* m : mechanisms()) {
        if (interrupted()) break;
        for (auto& r : tour.visit(*m)) {
            if (!o.json) show_row(r, rows.empty());
            rows.push_back(std::move(r));
        }
    }
    if (!o.json && !interrupted())
        say("\nP50 and P99: one way, 64 bytes, the reader asleep before each. SYSCALLS: both sides together, a "
            "message.\n");
    std::vector<Chapter> chapters;
    tour_chapters(directory, tour.names(), [&](const Chapter& c) {
        if (!o.json) show_chapter(c, chapters.empty());
        chapters.push_back(c);
    });
    const auto left = tour.left_behind(descriptors);
    std::error_code ignored;
    fs::remove_all(directory, ignored);
    return conclude(o, rows, chapters, *material, left);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.add_option("file", o->file, "what to carry; otherwise programs of this machine, more than 8 MiB");
    app.add_flag("--json", o->json, "one document, schema wye.tour/1");
    return [o] { return run(*o); };
}

}  // namespace

extern const Command tour_command;
const Command tour_command{.name = "tour",
                           .arguments = "[FILE]",
                           .summary = "every means of the kernel carries a real file between real processes",
                           .examples =
                               "wye tour                 # checked, measured, nothing left behind\n"
                               "wye tour --json film.mkv | jq '.rows[] | [.means, .bytes_per_second]'",
                           .define = define};

}  // namespace wye::cli
