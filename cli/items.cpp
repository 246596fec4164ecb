#include "items.hpp"

#include "wye/base/text.hpp"

#include "command.hpp"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <map>

namespace wye::cli {
namespace {

constexpr std::size_t holders_shown = 2;

std::string namespace_text(const Item& i) {
    if (i.space.empty()) return "-";
    return i.own_ns ? "self" : fmt::format("{}:{}", i.space, i.ns);
}

Json seconds_ago(const Item& i) {
    if (i.changed == 0) return nullptr;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::max<std::int64_t>(now.tv_sec - i.changed / 1'000'000'000, 0);
}

std::string age_text(const Item& i) {
    const auto ago = seconds_ago(i);
    if (ago.is_null()) return "-";
    const auto s = ago.get<std::int64_t>();
    if (s < 120) return fmt::format("{}s", s);
    if (s < 7200) return fmt::format("{}m", s / 60);
    return s < 172800 ? fmt::format("{}h", s / 3600) : fmt::format("{}d", s / 86400);
}

std::string size_text(const Item& i) {
    if (!i.size) return "-";
    if (!i.allocated || *i.allocated == *i.size) return short_size(*i.size);
    return fmt::format("{}({})", short_size(*i.size), short_size(*i.allocated));
}

Json json_of(const Inspection::Facts& facts) {
    auto j = Json::object();
    for (const auto& [name, value] : facts)
        j[std::string(name)] = std::visit([](const auto& x) { return Json(x); }, value);
    return j;
}

Json json_of(const Identity& id) {
    struct {
        Json operator()(const FileIdentity& f) const { return {{"dev", f.dev}, {"ino", f.ino}}; }
        Json operator()(const EventIdentity& e) const { return {{"eventfd", e.id}}; }
        Json operator()(const SocketIdentity& s) const { return {{"net", s.net}, {"cookie", s.cookie}}; }
        Json operator()(const PortIdentity& p) const { return {{"net", p.net}, {"ends", p.ends}}; }
        Json operator()(const SysvIdentity& s) const { return {{"ipc", s.ipc}, {"id", s.id}}; }
        Json operator()(const ProcessIdentity& p) const { return {{"pid", p.pid}, {"start", p.start}}; }
    } const as_json;
    return std::visit(as_json, id);
}

Json json_of(const Holder& h) {
    Json j{{"pid", h.pid}, {"start", h.start}, {"comm", h.comm}, {"via", h.via}};
    if (h.fd >= 0) j["fd"] = h.fd;
    if (h.reads || h.writes) j["mode"] = fmt::format("{}{}", h.reads ? "r" : "", h.writes ? "w" : "");
    return j;
}

template <class T>
Json or_null(const std::optional<T>& v) {
    return v ? Json(*v) : Json(nullptr);
}

}  // namespace

int view_exit(bool whole, bool found) noexcept { return !whole ? view_partial : found ? view_found : view_nothing; }
int view_exit(const Coverage& c, bool found) noexcept { return view_exit(c.whole(), found); }

std::string holders_text(const Item& i, std::int32_t self) {
    std::vector<std::string> who;  // a process once, however many descriptors it has
    std::vector<std::int32_t> pids;
    for (const auto& h : i.holders) {
        if (std::ranges::find(pids, h.pid) != pids.end()) continue;
        pids.push_back(h.pid);
        if (pids.size() <= holders_shown)
            who.push_back(h.pid == self ? "self" : fmt::format("{}[{}]", escape(h.comm), h.pid));
    }
    std::string all = fmt::format("{}", fmt::join(who, " "));
    if (pids.size() > holders_shown) all += fmt::format(" +{}", pids.size() - holders_shown);
    if (i.hidden_holders != 0) all += fmt::format("{}{} hidden", all.empty() ? "" : " + ", i.hidden_holders);
    if (i.waiters.empty()) return all.empty() ? "-" : all;
    const auto& w = i.waiters.front();
    all += fmt::format("{}<- {} {}[{}]", all.empty() ? "" : ", ", w.what, escape(w.comm), w.pid);
    return i.waiters.size() < 2 ? all : all + fmt::format(" +{}", i.waiters.size() - 1);
}

std::string short_size(std::uint64_t bytes) {
    if (bytes < 1024) return std::to_string(bytes);
    auto n = static_cast<double>(bytes);
    std::size_t unit = 0;
    constexpr std::string_view units = " KMGTPE";
    for (; n >= 1023.95 && unit + 1 < units.size(); ++unit) n /= 1024;
    return fmt::format("{:.1f}{}", n, units[unit]);
}

Json json_of(const Item& i) {
    Json j{{"kind", i.kind}, {"name", i.name}, {"uri", i.uri.empty() ? Json(nullptr) : Json(i.uri)}};
    j["id"] = json_of(i.identity);
    j["ns"] = i.space.empty() ? Json(nullptr) : Json{{std::string(i.space), i.ns}, {"own", i.own_ns}};
    j["owner"] = i.uid ? Json{{"uid", *i.uid}, {"gid", or_null(i.gid)}, {"name", user_name(*i.uid)}} : Json(nullptr);
    j["mode"] = fmt::format("{:04o}", i.mode);
    j["size"] = or_null(i.size), j["allocated"] = or_null(i.allocated);
    j["use"] = i.use;
    j["changed_ns"] = i.changed == 0 ? Json(nullptr) : Json(i.changed);
    j["held"] = i.held();
    j["holders"] = Json::array(), j["waiters"] = Json::array();
    for (const auto& h : i.holders) j["holders"].push_back(json_of(h));
    for (const auto& w : i.waiters)
        j["waiters"].push_back({{"pid", w.pid}, {"tid", w.tid}, {"comm", w.comm}, {"what", w.what}});
    j["hidden_holders"] = i.hidden_holders;
    j["facts"] = json_of(i.facts);
    return j;
}

Json json_of(const Coverage& c) {
    const auto part = [](const Coverage::Part& p) { return Json{{"seen", p.seen}, {"all", p.all}}; };
    Json j{{"processes", c.processes}, {"unreadable", c.unreadable.size()}, {"unreadable_processes", Json::array()}};
    for (const auto& p : c.unreadable) j["unreadable_processes"].push_back({{"pid", p.pid}, {"comm", p.comm}});
    j["ipc_namespaces"] = part(c.ipc), j["net_namespaces"] = part(c.net), j["mnt_namespaces"] = part(c.mnt);
    j["blind"] = c.blind;
    j["took_ns"] = c.took;
    return j;
}

std::string coverage_line(const Coverage& c) {
    auto s = fmt::format("coverage: {} processes, {} unreadable", c.processes, c.unreadable.size());
    if (!c.unreadable.empty()) {
        s += fmt::format(" ({} {}", c.unreadable[0].pid, escape(c.unreadable[0].comm));
        s += c.unreadable.size() > 1 ? fmt::format(" +{})", c.unreadable.size() - 1) : ")";
    }
    s += fmt::format("; ipc ns {}/{}, net ns {}/{}, mount ns {}/{}", c.ipc.seen, c.ipc.all, c.net.seen, c.net.all,
                     c.mnt.seen, c.mnt.all);
    for (const auto& b : c.blind) s += fmt::format("; not seen: {}", escape(b));
    return s;
}

void Verdicts::about(const sys::Snapshot& seen, const Coverage& coverage, std::chrono::nanoseconds age) {
    seen_ = &seen, all_.coverage = coverage, age_ = std::chrono::duration_cast<std::chrono::seconds>(age);
}

const Judged& Verdicts::of(const Item& i) const {
    if (!rules_) {
        if (auto known = read_rules()) {
            rules_ = std::move(*known);
        } else {
            (void)report(verb_, known.error());
            rules_ = persist_rules();
        }
    }
    const auto key = std::tuple(i.kind, i.identity, i.name);
    const auto at = done_.find(key);
    return at != done_.end() ? at->second : done_.emplace(key, judge(i, all_, *seen_, *rules_, age_)).first->second;
}

std::string verdict_text(const Item& i, const Judged& j) {
    if (!j.diagnosis.empty()) return j.diagnosis;
    return std::string(j.verdict == Verdict::no_matter && i.held() ? "held" : title(j.verdict));
}

void add_verdict(Json& to, const Item& i, const Judged& judged) {
    const auto v = judged.verdict == Verdict::no_matter && i.held() ? Verdict::held : judged.verdict;
    const bool orphan = v == Verdict::proven || v == Verdict::likely;
    to["verdict"] = v == Verdict::no_matter ? Json(nullptr) : Json(verdict_word(v));
    to["class"] = orphan ? Json(name(v)) : Json(nullptr);
    to["diagnosis"] = judged.diagnosis.empty() ? Json(nullptr) : Json(judged.diagnosis);
    to["evidence"] = Json::array();
    for (const auto& e : judged.evidence)
        to["evidence"].push_back(
            {{"mark", std::string(1, e.mark)}, {"test", e.test}, {"result", e.result}, {"text", e.text}});
}

std::vector<Column<Item>> item_columns(const Verdicts* verdicts) {
    using C = Column<Item>;
    const auto verdict = [verdicts](const Item& i) {
        return verdicts ? verdict_text(i, verdicts->of(i)) : std::string(i.held() ? "held" : "-");
    };
    return {
        C{"kind", "KIND", [](const Item& i) { return i.kind; }, [](const Item& i) { return std::string(i.kind); }},
        C{"name", "ID/NAME", [](const Item& i) { return i.name; }, [](const Item& i) { return escape(i.name); }},
        C{"ns", "NS", namespace_text, namespace_text},
        C{"owner", "OWNER", [](const Item& i) { return i.uid ? Json(user_name(*i.uid)) : Json(nullptr); },
          [](const Item& i) { return i.uid ? user_name(*i.uid) : "-"; }},
        C{"size", "SIZE(ALLOC)", [](const Item& i) { return or_null(i.size); }, size_text},
        C{"use", "USE", [](const Item& i) { return i.use; },
          [](const Item& i) { return i.use.empty() ? "-" : escape(i.use); }},
        C{"holders", "HOLDERS", [](const Item& i) { return i.holders.size() + i.hidden_holders; },
          [](const Item& i) { return holders_text(i); }},
        C{"age", "AGE", seconds_ago, age_text},
        C{"verdict", "VERDICT", verdict, verdict},
        C{"uri", "URI", [](const Item& i) { return i.uri.empty() ? Json(nullptr) : Json(i.uri); },
          [](const Item& i) { return i.uri.empty() ? "-" : escape(i.uri); }},
        C{"mode", "MODE", [](const Item& i) { return fmt::format("{:04o}", i.mode); }},
        C{"allocated", "ALLOCATED", [](const Item& i) { return or_null(i.allocated); }},
        C{"waiters", "WAITERS", [](const Item& i) { return i.waiters.size(); }},
        C{"hidden", "HIDDEN", [](const Item& i) { return i.hidden_holders; }},
        C{"uid", "UID", [](const Item& i) { return or_null(i.uid); }},
    };
}

std::vector<std::string> usual_columns() {
    return {"kind", "name", "ns", "owner", "size", "use", "holders", "age", "verdict"};
}

}  // namespace wye::cli
