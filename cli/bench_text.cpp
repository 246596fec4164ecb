#include "bench_text.hpp"

#include "wye/base/text.hpp"

#include "measure/compare.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace wye::cli {
namespace {

// A table: rows that did the same.
struct Part {
    std::string title;
    bool rate;  // messages a second, and not the time of one
    std::vector<const Json*> rows{};
};

double or_nothing(const Json& v) { return v.is_number() ? v.get<double>() : 0; }

std::string after_what_befell(const std::string& workload) {
    const bool sender = workload.starts_with("crash:sender");
    const auto* who = sender ? "sender" : "receiver";
    if (workload.ends_with(":stopped"))
        return fmt::format("The {} is stopped for 50 ms and goes on: until messages flow again", who);
    const auto* how = workload.ends_with(":zombie")  ? ", and nobody looks after it,"
                      : workload.ends_with(":user")  ? ", another user's,"
                      : workload.ends_with(":pidns") ? ", in a pid namespace of its own,"
                                                     : "";
    return fmt::format("The {}{} is killed: until a new one{}", who, how,
                       sender ? "'s first message is there" : " has a new message");
}

std::string title_of(const Json& r) {
    std::string workload = r.at("workload");
    const auto size = size_text(r.at("size"));
    const auto at_once = r.value("at_once", Json(nullptr)).is_number() ? r.at("at_once").get<std::uint64_t>() : 0;
    const auto others = r.at("parties").get<unsigned>() - 1;
    const std::string how = r.at("wait") == "poll" ? ", polling" : r.at("wait") == "block" ? ", sleeping" : "";
    if (workload == "latency") return fmt::format("One way, to and fro, {}{}", size, how);
    if (workload == "rate") return fmt::format("One way at {:.0f} a second, {}{}", or_nothing(r.at("rate")), size, how);
    if (workload == "wakeup")
        return fmt::format("Waking who sleeps, after {}, {}", human_time(or_nothing(r.at("gap_ns"))), size);
    if (workload == "wakeup:many")
        return fmt::format("Waking {} who sleep{}, after {}, until the last runs, {}", others, others == 1 ? "s" : "",
                           human_time(or_nothing(r.at("gap_ns"))), size);
    if (workload == "throughput") return fmt::format("As fast as it goes, one way, {}", size);
    if (workload == "fanout") return fmt::format("One to {}, {}", others, size);
    if (workload == "queue") return fmt::format("A queue for {} worker{}, {}", others, others == 1 ? "" : "s", size);
    if (workload == "request")
        return fmt::format("A question and its answer, {} client{}, {}{}", others, others == 1 ? "" : "s", size, how);
    if (workload == "throughput:batch") return fmt::format("As fast as it goes, {} in a call, {}", at_once, size);
    if (workload == "request:flight")
        return fmt::format("Questions, {} on {} way at once, {}", at_once, at_once == 1 ? "its" : "their", size);
    if (workload == "request:answer") return fmt::format("64 B are asked, and {} answered", size);
    if (workload == "loan") return fmt::format("Memory lent, given away and let go again, {}", size);
    if (workload == "crash") return "Until who waits is told that the other was killed";
    if (workload.starts_with("crash:")) return after_what_befell(workload);
    if (workload == "growth") return fmt::format("What {} subscribers cost who publishes, {}", others, size);
    if (workload == "loan:worn") return fmt::format("A loan after many of all sizes, {}", size);
    if (workload == "growth:channels")
        return fmt::format("{} channel{} side by side: to open one more", at_once, at_once == 1 ? "" : "s");
    if (workload == "open") return "From nothing to the first message";
    if (workload == "idle" && at_once > 1)
        return fmt::format("{} channels, and nobody says anything: processor time a second", at_once);
    if (workload == "open:attach") return "A second end of a channel that is there";
    if (workload == "open:history")
        return fmt::format("Who comes late: until the last {} messages are there, {}", at_once, size);
    if (workload == "idle") return "Nobody says anything: processor time a second";
    if (workload == "crowd") return fmt::format("A queue for {} workers, more than there are processors", others);
    if (workload == "video") return fmt::format("{}, sixty a second, to {}", size, others);
    return workload;
}

std::vector<Part> parts_of(const Json& document) {
    std::vector<Part> parts;
    std::map<std::string, std::size_t> at;
    for (const auto& r : document.at("results")) {
        const auto title = title_of(r);
        if (!at.contains(title)) {
            at[title] = parts.size();
            parts.push_back({title, measure::by_rate(r.at("workload").get<std::string>())});
        }
        parts[at[title]].rows.push_back(&r);
    }
    // What has no figure says why, behind the others.
    for (auto& p : parts)
        std::ranges::sort(p.rows, {}, [](const Json* r) {
            const auto v = measure::figure_of(*r);
            return std::tuple(v == 0, v, r);
        });
    return parts;
}

std::string bar(double share, unsigned width) {
    static constexpr const char* eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const auto n = static_cast<unsigned>(std::max(1., share * width * 8));
    std::string s;
    for (unsigned i = 0; i < n / 8; ++i) s += "█";
    return s + eighths[n % 8];
}

std::string per_second(double v) {
    if (v >= 1e6) return fmt::format("{:.2f} M/s", v / 1e6);
    return v >= 1e3 ? fmt::format("{:.1f} k/s", v / 1e3) : fmt::format("{:.0f} /s", v);
}

std::string time_or_none(const Json& v) { return v.is_number() ? human_time(v.get<double>()) : "-"; }
std::string twice(const Json& v) { return v.is_number() ? fmt::format("{:.1f}", v.get<double>()) : "-"; }

// What only this workload has: "left 0, told 1, told in 26 µs".
std::string more_text(const Json& row) {
    std::string out;
    const auto more = row.find("more");  // not in what was kept before there was any
    if (more == row.end() || !more->is_object()) return out;
    for (const auto& [key, value] : more->items()) {
        if (!value.is_number()) continue;
        const auto name = escape(key.substr(0, key.rfind('_')));
        out += out.empty() ? "" : ", ";
        if (key.ends_with("_ns"))
            out += name + " in " + human_time(value.get<double>());
        else if (key.ends_with("_kib"))
            out += fmt::format("{} {:.1f} KiB", name, value.get<double>());
        else
            out += fmt::format("{} {:g}", escape(key), value.get<double>());
    }
    return out;
}

// How even a queue's shares were is for the page and for programs: a line each would be all that is seen.
std::string notes(const Part& p) {
    std::string out;
    for (const auto* r : p.rows) {
        const std::string workload = r->at("workload");
        if (workload == "queue" || workload == "crowd") continue;
        const auto note = r->at("note").is_string() ? escape(r->at("note").get<std::string>()) : "";
        const auto more = more_text(*r);
        if (note.empty() && more.empty()) continue;
        out += "  " + escape(r->at("means").get<std::string>()) + ": " + note +
               (note.empty()   ? more
                : more.empty() ? ""
                               : " (" + more + ")") +
               "\n";
    }
    return out;
}

std::string table(const Part& p, unsigned width) {
    const bool idle = (*p.rows[0]).at("workload") == "idle";
    std::vector<std::vector<std::string>> cells{{"MEANS"}};
    std::vector<const char*> titles{"MEDIAN", "99 %", "99.9 %"};
    if (p.rate) titles = {"A SECOND", "BYTES", "A MESSAGE"};
    if (idle) titles.clear();
    titles.insert(titles.end(), {"× F", "±", "CPU", "CALLS", "LOST"});
    for (const auto* title : titles) cells[0].emplace_back(title);
    double most = 0;
    const auto length = [&](const Json& r) {
        return p.rate ? or_nothing(r.at("per_second")) : idle ? or_nothing(r.at("cpu_ns")) : or_nothing(r.at("p50"));
    };
    for (const auto* r : p.rows) {
        const auto& j = *r;
        most = std::max(most, length(j));
        auto& line = cells.emplace_back();
        line.push_back(escape(j.at("means").get<std::string>()));
        if (p.rate) {
            line.push_back(per_second(or_nothing(j.at("per_second"))));
            line.push_back(fmt::format("{:.0f} MB/s", or_nothing(j.at("bytes_per_second")) / 1e6));
            line.push_back(time_or_none(j.at("ns")));
        } else if (!idle) {
            for (const auto* part : {"p50", "p99", "p99_9"}) line.push_back(time_or_none(j.at(part)));
        }
        line.push_back(idle ? "-" : twice(j.at("of_floor")));
        line.push_back(fmt::format("{:.0f} %", 100 * or_nothing(j.at("spread"))));
        line.push_back(time_or_none(j.at("cpu_ns")));
        line.push_back(twice(j.at("syscalls")));
        line.push_back(or_nothing(j.at("lost")) > 0 ? j.at("lost").dump() : "");
    }
    std::vector<bool> right(cells[0].size(), true);
    right[0] = false;
    const auto lines = layout(cells, right);
    std::size_t used = 0;
    for (const auto& l : lines) used = std::max(used, l.size());
    std::string out = styled(p.title, "1") + "\n" + styled(lines[0], "2") + "\n";
    const unsigned room = width > used + 8 ? std::min<unsigned>(width - static_cast<unsigned>(used) - 3, 40) : 0;
    for (std::size_t i = 0; i < p.rows.size(); ++i) {
        out += lines[i + 1];
        if (room && most > 0 && length(*p.rows[i]) > 0)
            out +=
                std::string(used - lines[i + 1].size() + 2, ' ') + styled(bar(length(*p.rows[i]) / most, room), "36");
        out += "\n";
    }
    return out + notes(p) + "\n";
}

std::string head(const Json& d) {
    const auto& m = d.at("machine");
    const auto& f = d.at("floor");
    const auto& place = m.at("placement");
    std::string out =
        fmt::format("{}, {} processor{}, {}{}; the two used: {} and {}, {}\n", escape(plain(m.at("cpu"))),
                    m.at("processors").get<long>(), m.at("processors") == 1 ? "" : "s", escape(plain(m.at("kernel"))),
                    m.at("virtual").is_null() ? "" : ", a guest of " + escape(plain(m.at("virtual"))),
                    place.at("first").get<int>(), place.at("second").get<int>(), escape(plain(place.at("relation"))));
    out += fmt::format("F, a cache line one way: {} (± {:.0f} %).  W, waking by a futex: {} (± {:.0f} %).\n\n",
                       human_time(or_nothing(f.at("line_ns"))), 100 * or_nothing(f.at("line_spread")),
                       human_time(or_nothing(f.at("wake_ns"))), 100 * or_nothing(f.at("wake_spread")));
    return out;
}

std::string tail(const Json& d) {
    std::string out;
    for (const auto& m : d.at("means"))
        if (!m.at("missing").is_null())
            out += fmt::format("{}: not measured: {}\n", escape(m.at("name").get<std::string>()),
                               escape(m.at("missing").get<std::string>()));
    // One sentence for each reason; a means that takes no such size is no failure.
    std::map<std::string, unsigned> whys;
    for (const auto& f : d.at("failed"))
        ++whys[escape(f.at("means").get<std::string>() + " " + f.at("workload").get<std::string>() + ": " +
                      f.at("why").get<std::string>())];
    for (const auto& [why, n] : whys) out += n > 1 ? fmt::format("{} ({} times)\n", why, n) : why + "\n";
    const auto& n = d.at("noise");
    out += fmt::format(
        "{} round{} in {:.0f} s{}; others had {:.0f} % of the processors, the host {:.1f} %. ±: what the rounds "
        "of one row differ by, at most {:.0f} %.\n",
        d.at("rounds").get<unsigned>(), d.at("rounds") == 1 ? "" : "s", or_nothing(d.at("seconds")),
        d.at("complete").get<bool>() ? "" : ", broken off", or_nothing(n.at("busy_percent")),
        or_nothing(n.at("steal_percent")), 100 * or_nothing(n.at("worst_spread")));
    const auto& said = n.at("said");
    for (std::size_t i = 0; i < std::min<std::size_t>(said.size(), 5); ++i)
        out += "noise: " + escape(said[i].get<std::string>()) + "\n";
    if (said.size() > 5) out += fmt::format("noise: and {} rows more\n", said.size() - 5);
    return out;
}

}  // namespace

std::string size_text(std::size_t n) {
    if (n >= (1 << 20) && n % (1 << 20) == 0) return fmt::format("{} MiB", n >> 20);
    if (n >= 1'000'000 && n % 1'000'000 == 0) return fmt::format("{} MB", n / 1'000'000);
    return n >= 1024 && n % 1024 == 0 ? fmt::format("{} KiB", n >> 10) : fmt::format("{} B", n);
}

std::string bench_text(const Json& document) {
    std::string out = head(document);
    const auto width = stdout_is_terminal() ? terminal_width() : 120;
    for (const auto& p : parts_of(document)) out += table(p, width);
    return out + tail(document);
}

std::string comparison_text(const measure::Comparison& c, bool all) {
    using Verdict = measure::Difference::Verdict;
    std::vector<std::vector<std::string>> cells{
        {"", "MEANS", "WORKLOAD", "SIZE", "BEFORE", "AFTER", "CHANGE", "NOISE"}};
    std::size_t better = 0, worse = 0, noise = 0;
    for (const auto& d : c.rows) {
        const auto n = d.verdict == Verdict::better ? ++better : d.verdict == Verdict::worse ? ++worse : ++noise;
        (void)n;
        if (d.verdict == Verdict::noise && !all) continue;
        cells.push_back({d.verdict == Verdict::better  ? "better"
                         : d.verdict == Verdict::worse ? "worse"
                                                       : "noise",
                         escape(d.means),
                         escape(d.workload + (d.wait.empty() ? "" : " " + d.wait)) +
                             (d.parties > 2 ? fmt::format(" 1:{}", d.parties - 1) : ""),
                         size_text(d.size), human_time(d.before), human_time(d.after),
                         fmt::format("{:+.0f} %", 100 * d.change), fmt::format("± {:.0f} %", 100 * d.noise)});
    }
    std::string out;
    for (const auto& w : c.warnings) out += "note: " + escape(w) + "\n";
    if (cells.size() > 1)
        for (const auto& l : layout(cells, {false, false, false, true, true, true, true, true}))
            out += styled(l, l.starts_with("worse") ? "31" : l.starts_with("better") ? "32" : "") + "\n";
    if (!c.only_before.empty()) out += fmt::format("{} rows are only in the first\n", c.only_before.size());
    if (!c.only_after.empty()) out += fmt::format("{} rows are only in the second\n", c.only_after.size());
    return out + fmt::format("{} better, {} worse, {} not told from noise{}\n", better, worse, noise,
                             all || noise == 0 ? "" : " (--all shows them)");
}

Json comparison_json(const measure::Comparison& c) {
    static constexpr const char* verdicts[] = {"better", "worse", "noise"};
    Json rows = Json::array();
    for (const auto& d : c.rows)
        rows.push_back({{"means", d.means},
                        {"workload", d.workload},
                        {"wait", d.wait.empty() ? Json(nullptr) : Json(d.wait)},
                        {"size", d.size},
                        {"parties", d.parties},
                        {"before", d.before},
                        {"after", d.after},
                        {"change", d.change},
                        {"noise", d.noise},
                        {"verdict", verdicts[static_cast<int>(d.verdict)]}});
    return {{"schema", "wye.bench-compare/1"},
            {"rows", rows},
            {"only_before", c.only_before},
            {"only_after", c.only_after},
            {"warnings", c.warnings}};
}

}  // namespace wye::cli
