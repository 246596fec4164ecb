#include "clean_plan.hpp"

#include "wye/base/text.hpp"

#include "items.hpp"
#include "os/snapshot/snapshot.hpp"
#include "registry/cleaner.hpp"
#include "registry/inventory.hpp"
#include "terminal.hpp"
#include "undo_store.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>

namespace wye::cli {
namespace {

constexpr std::string_view actions[] = {"remove", "refuse", "protect", "leave"};
std::string_view word(const PlanRow& r) {
    return r.outcome == Outcome::none ? actions[static_cast<std::size_t>(r.action)] : name(r.outcome);
}

void decide(const PlanOptions& o, PlanRow& r) {
    const auto v = r.judged.verdict;
    const auto last = reason(r.judged);
    if (v == Verdict::persists) {
        r.action = Action::protect, r.why = last;
    } else if (!is_removable(r.item)) {
        r.action = Action::refuse, r.why = "of this kind nothing is removed";
    } else if (!r.item.own_ns) {
        r.action = Action::refuse, r.why = "it is of another namespace";
    } else if (auto unseen = unseen_users(r.judged); !unseen.empty()) {
        r.action = Action::refuse, r.why = std::move(unseen);
    } else if (v == Verdict::unknown) {
        r.action = Action::refuse, r.why = last;
    } else if (::geteuid() != 0 && r.item.uid != ::geteuid()) {
        r.action = Action::refuse, r.why = "it is another user's";
    } else if (v == Verdict::likely && !o.likely) {
        r.action = Action::hint, r.why = "it is only likely to be nobody's: --likely";
    } else {
        r.action = Action::remove;
    }
}

std::vector<Column<PlanRow>> columns() {
    using C = Column<PlanRow>;
    std::vector<C> all;
    all.emplace_back("action", "ACTION", [](const PlanRow& r) { return word(r); });
    for (auto& c : item_columns())
        for (const auto* wanted : {"kind", "name", "owner", "size", "use", "age"})
            if (std::string_view(c.key) == wanted)
                all.emplace_back(
                    c.key, c.title, [get = c.value](const PlanRow& r) { return get(r.item); },
                    c.text ? typename C::Text([text = c.text](const PlanRow& r) { return text(r.item); }) : C::Text(),
                    c.right);
    all.emplace_back("verdict", "VERDICT", [](const PlanRow& r) { return title(r.judged.verdict); });
    all.emplace_back(
        "why", "WHY", [](const PlanRow& r) { return r.why; },
        [](const PlanRow& r) { return r.why.empty() ? "-" : escape(r.why); });
    return all;
}

struct Freed {
    std::uint64_t memory = 0, segments = 0, semaphores = 0, messages = 0;

    void add(const Item& i) {
        const auto bytes = i.allocated.value_or(i.size.value_or(0));
        if (i.kind == "sysv-shm")
            segments += bytes;
        else if (i.kind == "posix-shm" || i.kind == "posix-sem" || i.kind == "shm" || i.kind == "shm-sem")
            memory += bytes;
        for (const auto& [fact, value] : i.facts) {
            const auto* n = std::get_if<std::uint64_t>(&value);
            if (n && fact == "semaphores") semaphores += *n;
            if (n && fact == "messages") messages += *n;
        }
    }
    std::string text(bool dry_run) const {
        std::string s;
        const auto verb = [&] { return s.empty() ? (dry_run ? ", free " : ", freed ") : ", "; };
        if (memory != 0) s += fmt::format("{}{} on /dev/shm", verb(), short_size(memory));
        if (segments != 0) s += fmt::format("{}{} in segments", verb(), short_size(segments));
        if (semaphores != 0) s += fmt::format("{}{} semaphores", verb(), semaphores);
        if (messages != 0) s += fmt::format(", with {} messages", messages);
        return s;
    }
};

// "2 (protected: PostgreSQL's)": the reasons that there are, at most three of them.
std::string reasons(const Plan& plan, Action a, std::string_view kind) {
    std::vector<std::string> seen;
    for (const auto& r : plan.rows)
        if (r.action == a && std::ranges::find(seen, r.why) == seen.end()) seen.push_back(r.why);
    std::string s(kind);
    for (std::size_t n = 0; n < std::min<std::size_t>(seen.size(), 3); ++n)
        s += fmt::format("{}{}", n == 0 ? ": " : "; ", escape(seen[n]));
    return seen.size() > 3 ? s + "; ..." : s;
}

}  // namespace

std::string_view name(Outcome o) noexcept {
    constexpr std::string_view names[] = {"none", "removed", "left", "failed"};
    return names[static_cast<std::size_t>(o)];
}

std::size_t Plan::count(Action a) const {
    return static_cast<std::size_t>(std::ranges::count(rows, a, &PlanRow::action));
}
std::size_t Plan::done(Outcome o) const {
    return static_cast<std::size_t>(std::ranges::count(rows, o, &PlanRow::outcome));
}

Plan make_plan(const PlanOptions& o) {
    const auto seen = sys::take_snapshot();
    auto all = take_inventory(seen);
    Plan plan{.rows = {}, .coverage = all.coverage};
    for (const auto& item : all.items) {
        if (!o.kinds.empty() && std::ranges::find(o.kinds, item.kind) == o.kinds.end()) continue;
        if (o.uid && item.uid != o.uid) continue;
        if (o.since && item.changed < *o.since) continue;
        if (is_set_aside(item)) continue;
        auto judged = judge(item, all, seen, o.rules, o.age);
        if (judged.verdict == Verdict::no_matter || judged.verdict == Verdict::held) continue;
        plan.rows.push_back({.item = item, .judged = std::move(judged)});
        decide(o, plan.rows.back());
    }
    // What goes comes first; else as the inventory has it.
    std::vector<PlanRow> rows;
    for (const auto a : {Action::remove, Action::refuse, Action::protect, Action::hint})
        for (auto& r : plan.rows)
            if (r.action == a) rows.push_back(std::move(r));
    plan.rows = std::move(rows);
    return plan;
}

std::optional<std::int64_t> moment_of(const std::string& text) {
    constexpr std::int64_t second = 1'000'000'000;
    if (text.starts_with('@')) {
        const auto n = parse_number(text.substr(1));
        if (!n || *n > 1'000'000'000'000) return {};
        return static_cast<std::int64_t>(*n) * second;
    }
    for (const auto* form :
         {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
        struct tm t{};
        t.tm_isdst = -1;
        const char* end = ::strptime(text.c_str(), form, &t);
        if (end != nullptr && *end == 0) return std::int64_t{::mktime(&t)} * second;
    }
    const auto ago = parse_duration(text);
    if (!ago) return {};
    return now_ns() - ago->count();
}

std::string as_table(const Plan& plan) {
    if (plan.rows.empty()) return "";
    std::string out;
    const auto text = to_lines(plan.rows, columns());
    for (std::size_t n = 0; n < text.size(); ++n) out += (n == 0 ? styled(text[n], "1") : text[n]) + "\n";
    return out;
}

std::string explained(const Plan& plan) {
    std::string out;
    for (const auto& r : plan.rows) {
        out += styled(fmt::format("{} {}", r.item.kind, escape(r.item.name)), "1");
        if (r.item.uid) out += fmt::format("   owner {}", user_name(*r.item.uid));
        out += "\n";
        for (const auto& e : r.judged.evidence) out += fmt::format("  {} {}\n", e.mark, escape(e.text));
        out +=
            fmt::format("  = {}: {}{}\n", title(r.judged.verdict), word(r), r.why.empty() ? "" : ", " + escape(r.why));
    }
    return out;
}

std::string summary(const Plan& plan, bool dry_run) {
    Freed freed;
    std::size_t n = 0;
    for (const auto& r : plan.rows)
        if (dry_run ? r.action == Action::remove : r.outcome == Outcome::removed) freed.add(r.item), ++n;
    auto s = fmt::format("{} {} object{}{}", dry_run ? "would remove" : "removed", n, n == 1 ? "" : "s",
                         freed.text(dry_run));
    std::string more;
    const auto add = [&](std::string text) { more += (more.empty() ? "; " : ", ") + std::move(text); };
    if (const auto left = plan.done(Outcome::left); left != 0)
        add(fmt::format("left {} that somebody has by now, or that changed", left));
    if (const auto failed = plan.done(Outcome::failed); failed != 0) add(fmt::format("could not remove {}", failed));
    if (const auto k = plan.count(Action::hint); k != 0) add(fmt::format("leave {} likely ones (--likely)", k));
    if (const auto k = plan.count(Action::refuse); k != 0)
        add(fmt::format("refuse {} ({})", k, reasons(plan, Action::refuse, "unknown")));
    if (const auto k = plan.count(Action::protect); k != 0)
        add(fmt::format("skip {} ({})", k, reasons(plan, Action::protect, "protected")));
    return s + more;
}

Json evidence_of(const PlanRow& r) {
    const auto whole = json_of(r.item);
    Json j{{"kind", r.item.kind}, {"name", r.item.name}};
    for (const auto* key : {"id", "ns", "owner", "size", "allocated", "changed_ns"}) j[key] = whole.at(key);
    add_verdict(j, r.item, r.judged);
    return j;
}

Json as_json(const Plan& plan, bool dry_run, const std::string& run) {
    Json j{{"schema", "wye.clean/1"}, {"dry_run", dry_run}, {"run", run.empty() ? Json(nullptr) : Json(run)}};
    j["objects"] = Json::array();
    for (const auto& r : plan.rows) {
        auto o = evidence_of(r);
        o["action"] = actions[static_cast<std::size_t>(r.action)];
        o["outcome"] = r.outcome == Outcome::none ? Json(nullptr) : Json(name(r.outcome));
        o["why"] = r.why.empty() ? Json(nullptr) : Json(r.why);
        j["objects"].push_back(std::move(o));
    }
    j["coverage"] = json_of(plan.coverage);
    return j;
}

}  // namespace wye::cli
