#include "registry/findings.hpp"

#include "wye/registry/open.hpp"

#include "os/usage/proc_text.hpp"
#include "registry/cleaner.hpp"
#include "registry/inventory.hpp"
#include "registry/verdict.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <thread>
#include <utility>

namespace wye {
namespace {

using namespace std::chrono_literals;

std::string sized(std::uint64_t n) {
    constexpr std::string_view units = " KMGTPE";
    auto x = static_cast<double>(n);
    std::size_t unit = 0;
    for (; x >= 1024 && unit + 1 < units.size(); ++unit) x /= 1024;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f" : "%.1f", x);
    return unit == 0 ? text : std::string(text) + units[unit];
}

std::string amount(const sys::Limit& l, std::uint64_t n) {
    return l.unit == sys::Unit::bytes ? sized(n) : std::to_string(n);
}

// Shell words that need no quotes.
std::string quoted(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%=+-,";
    if (!word.empty() && word.find_first_not_of(plain) == word.npos) return word;
    std::string s = "'";
    for (const char c : word) s += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return s + "'";
}

void find_one_limit(const Look& k, const sys::Entry& e) {
    const auto& l = *e.limit;
    const auto& r = e.reading;
    const auto percent = r.part() * 100;
    char share[32];
    std::snprintf(share, sizeof share, "%.1f %%", percent);
    Finding f{.severity = percent >= 95 ? Severity::bad : Severity::warning, .what = "limit"};
    f.title = std::string(l.name) + ", " + l.title + (r.where.empty() ? "" : " (" + r.where + ")") + ": " +
              amount(l, *r.used) + " of " + amount(l, *r.ceiling) + " used, " + share;
    f.evidence.push_back("when it is full: " + std::string(l.faults[0].call) + ": " +
                         (*l.faults[0].gives ? l.faults[0].gives + std::string(", ") : std::string()) +
                         l.faults[0].remark);
    for (std::size_t i = 0; i < std::min<std::size_t>(r.shares.size(), 3); ++i)
        f.evidence.push_back("user " + std::to_string(r.shares[i].user) + " has " + amount(l, r.shares[i].used) +
                             (r.shares[i].what.empty() ? "" : " (" + r.shares[i].what + ")"));
    f.evidence.push_back("to do: " + std::string(l.remedy));
    const std::string_view call = l.faults[0].call;
    f.look = *l.faults[0].gives && call.find_first_of(" (") == call.npos
                 ? "wye explain " + std::string(l.faults[0].gives) + " --call " + std::string(call)
                 : "wye limits --warn 80";
    f.about = std::string("limit ") + l.name + " " + r.where + " " + (r.user ? std::to_string(*r.user) : "");
    k.out.push_back(std::move(f));
}

// Memory is taken when it is touched: until then a file may be larger than what is left.
void find_promises(const Look& k) {
    const auto row = std::ranges::find_if(k.survey->entries, [](const sys::Entry& e) {
        return e.limit->scope == sys::Scope::mount && e.limit->unit == sys::Unit::bytes;
    });
    if (row == k.survey->entries.end() || !row->reading.used || !row->reading.ceiling) return;
    const auto used = *row->reading.used, ceiling = *row->reading.ceiling;
    if (ceiling == sys::no_ceiling || used > ceiling) return;
    std::uint64_t promised = 0, files = 0;
    for (const auto& place : k.seen.shm)
        for (const auto& f : place.files)
            if (place.mnt == k.seen.own.mnt && place.path == row->reading.where && f.file.size > f.file.allocated)
                promised += f.file.size - f.file.allocated, ++files;
    if (promised <= ceiling - used) return;
    Finding f{.severity = Severity::warning, .what = "shm"};
    f.title = row->reading.where + " has promised " + sized(promised) + " more than it has given, and " +
              sized(ceiling - used) + " are left";
    f.evidence = {std::to_string(files) + " files were made larger than what of them was touched",
                  "whoever touches a page when none is left gets SIGBUS, not an error"};
    f.look = "wye explain SIGBUS";
    f.about = "promised";
    k.out.push_back(std::move(f));
}

struct Heap {  // of one kind and verdict
    std::uint64_t n = 0, bytes = 0;
    bool removable = false;
    std::vector<std::string> names;
    std::string why;
};

void add_heap(const Look& k, std::string_view kind, Verdict v, const Heap& h) {
    const bool ring = kind == "shm" || kind == "shm-sem";
    Finding f{.severity = v == Verdict::proven ? Severity::warning : Severity::note,
              .what = ring ? "stale" : "orphans"};
    f.title = std::to_string(h.n) + " " + std::string(kind) + (h.n == 1 ? " is" : " are") + " nobody's any more (" +
              std::string(name(v)) + ")" + (h.bytes != 0 ? ", " + sized(h.bytes) : "");
    std::string names;
    for (const auto& n : h.names) names += (names.empty() ? "" : ", ") + n;
    f.evidence = {names + (h.n > h.names.size() ? ", ..." : ""), h.why};
    f.look = "wye orphans --explain " + std::string(kind);
    if (h.removable) f.next = "wye clean " + std::string(v == Verdict::likely ? "--likely " : "") + std::string(kind);
    f.about = "orphans " + std::string(kind) + " " + std::string(name(v));
    k.out.push_back(std::move(f));
}

const Inspection::Value* value(const Inspection::Facts& facts, std::string_view key) {
    for (const auto& [name, v] : facts)
        if (name == key) return &v;
    return nullptr;
}

// A place in a ring whose owner was killed is taken over by whoever comes next; one that is slow keeps the writer.
void find_in_ring(const Look& k, const Item& item) {
    const auto inside = inspect(item.uri);
    if (!inside) return;
    std::uint64_t dead = 0;
    for (const auto& p : inside->parts) {
        const auto *alive = value(p.facts, "alive"), *slow = value(p.facts, "slow"), *pid = value(p.facts, "pid");
        const auto yes = [](const Inspection::Value* v) { return v && std::get_if<bool>(v) && std::get<bool>(*v); };
        if (alive && !yes(alive)) ++dead;
        if (!yes(slow) || !pid) continue;
        const auto* n = std::get_if<std::uint64_t>(pid);
        Finding f{.severity = Severity::warning, .what = "slow", .passing = true};
        f.title =
            "the ring " + item.name + " is nearly full: its writer waits for process " + std::to_string(n ? *n : 0);
        f.look = "wye inspect " + quoted(item.uri);
        f.about = "slow " + item.name;
        k.out.push_back(std::move(f));
    }
    if (dead == 0) return;
    Finding f{.severity = Severity::note, .what = "stale"};
    f.title =
        "the ring " + item.name + " has " + std::to_string(dead) + (dead == 1 ? " place" : " places") + " of the dead";
    f.evidence = {"whoever takes part next clears them up"};
    f.look = "wye inspect " + quoted(item.uri);
    f.about = "dead " + item.name;
    k.out.push_back(std::move(f));
}

Examined look_once(const ExamineWanted& wanted) {
    Examined e;
    e.seen = sys::take_snapshot();
    e.all = take_inventory(e.seen);
    const auto survey = sys::survey(true);
    if (!survey) e.all.coverage.blind.push_back("the limits: " + survey.error().message());
    e.whole = e.all.coverage.whole() && survey && !survey->partial();
    const Look k{wanted, e.seen, e.all, survey ? &*survey : nullptr, e.findings};
    find_waits(k);
    find_queues(k);
    if (k.survey) find_limits(k);
    find_left(k);
    find_unseen(k);
    return e;
}

}  // namespace

std::string_view name(Severity s) noexcept {
    constexpr std::string_view names[] = {"note", "warning", "bad"};
    return names[static_cast<std::size_t>(s)];
}

std::string who_command(const Item& i) {
    if (!i.uri.empty()) return "wye who " + quoted(i.uri);
    if (const auto* id = std::get_if<SysvIdentity>(&i.identity))
        return "wye who " + std::string(i.kind) + ":" + std::to_string(id->id);
    if (i.kind == "lock" || i.kind == "lease") return "wye who " + quoted(std::string(i.kind) + ":" + i.name);
    return "wye who " + quoted(i.name);
}

std::string span_text(std::chrono::nanoseconds t) {
    const auto s = std::chrono::duration_cast<std::chrono::seconds>(t).count();
    if (s < 120) return std::to_string(s) + " s";
    if (s < 7200) return std::to_string(s / 60) + " min";
    return s < 172800 ? std::to_string(s / 3600) + " h" : std::to_string(s / 86400) + " d";
}

std::string process_text(std::string_view comm, std::int32_t pid) {
    return std::string(comm) + "[" + std::to_string(pid) + "]";
}

void find_limits(const Look& k) {
    for (const auto& e : k.survey->entries) {
        if (e.reading.part() * 100 < k.wanted.warn || !e.reading.used || !e.reading.ceiling) continue;
        // What is full has been told already, as the object that it is.
        const auto told = [&](const Finding& f) {
            return f.what == "full" && f.about.size() > 5 && e.reading.where.ends_with(f.about.substr(5));
        };
        if (std::ranges::none_of(k.out, told)) find_one_limit(k, e);
    }
    find_promises(k);
}

void find_left(const Look& k) {
    const auto rules = persist_rules();
    std::map<std::pair<std::string_view, Verdict>, Heap> heaps;
    for (const auto& item : k.all.items) {
        if (item.held()) {
            if (item.kind == "shm" && !item.uri.empty()) find_in_ring(k, item);
            continue;
        }
        const auto judged = judge(item, k.all, k.seen, rules, k.wanted.age);
        if (judged.verdict != Verdict::proven && judged.verdict != Verdict::likely) continue;
        auto& h = heaps[{item.kind, judged.verdict}];
        h.removable = is_removable(item);
        ++h.n, h.bytes += item.allocated.value_or(item.size.value_or(0));
        if (h.names.size() < 3) h.names.push_back(item.name);
        if (h.why.empty() && !judged.evidence.empty()) h.why = judged.evidence.back().text;
    }
    for (const auto& [key, heap] : heaps) add_heap(k, key.first, key.second, heap);
}

void find_unseen(const Look& k) {
    const auto& c = k.all.coverage;
    const auto add = [&](std::string title, std::vector<std::string> evidence) {
        k.out.push_back({.severity = Severity::note,
                         .what = "blind",
                         .title = std::move(title),
                         .evidence = std::move(evidence),
                         .look = k.seen.own.uid == 0 ? "wye ls" : "sudo wye doctor",
                         .about = "blind"});
    };
    if (!c.unreadable.empty()) {
        std::string who;
        for (std::size_t i = 0; i < std::min<std::size_t>(c.unreadable.size(), 3); ++i)
            who += (i == 0 ? "" : ", ") + process_text(c.unreadable[i].comm, c.unreadable[i].pid);
        if (c.unreadable.size() > 3) who += ", ...";
        add(std::to_string(c.unreadable.size()) + " of " + std::to_string(c.processes) +
                " processes could not be looked into: what they hold and wait for is not in this page",
            {who});
    }
    for (const auto& b : c.blind) add("not seen: " + b, {});
}

Examined examine(const ExamineWanted& wanted) {
    auto e = look_once(wanted);
    if (std::ranges::any_of(e.findings, &Finding::passing)) {
        std::set<std::string> first;
        for (const auto& f : e.findings) first.insert(f.about);
        std::this_thread::sleep_for(500ms);
        e = look_once(wanted);
        std::erase_if(e.findings, [&](const Finding& f) { return f.passing && !first.contains(f.about); });
    }
    // Not std::stable_sort: GCC 12's draws a warning from clang.
    std::vector<Finding> sorted;
    for (const auto s : {Severity::bad, Severity::warning, Severity::note})
        for (auto& f : e.findings)
            if (f.severity == s) sorted.push_back(std::move(f));
    e.findings = std::move(sorted);
    return e;
}

}  // namespace wye
