#include "registry/verdict.hpp"

#include "os/sem_owners.hpp"
#include "registry/case.hpp"

#include <algorithm>

namespace wye {
namespace {

constexpr std::int64_t second = 1'000'000'000, tick = 10'000'000;

bool ends_with_its_users(const Item& i) {
    constexpr std::string_view stays[] = {"sysv-shm", "sysv-sem",      "sysv-mq",  "posix-shm", "posix-sem",
                                          "posix-mq", "fifo",          "pid-file", "lock-file", "shm",
                                          "shm-sem",  "ipc-namespace", "temp-dir"};
    if (std::ranges::find(stays, i.kind) != std::end(stays)) return false;
    return i.kind != "unix" || (!i.file && !std::holds_alternative<FileIdentity>(i.identity));
}

// What a rule knows of its name. A claim whose program is dead speaks for an orphan, and others are asked on.
void ask_rules(Case& c, const std::vector<Rule>& rules) {
    for (const auto& r : rules) {
        if (!r.matches(c.item)) continue;
        if (r.what == Rule::What::ordinary) return;
        const auto why = r.why.empty() ? "a rule says so (" + r.where + ")" : r.why;
        if (r.alive.empty()) {
            if (r.what == Rule::What::protect) return c.add('-', "rule", "protected", why), c.decide(Verdict::persists);
            c.speaks_for("rule", "claimed",
                         "by its name it is " + why + ", which keeps nothing there between its runs");
            return;
        }
        const auto life = life_of(r, c.item, c.seen);
        if (life.is == Life::Is::yes) {
            c.add('-', "rule", "alive", why + ": " + life.text);
            return c.decide(r.what == Rule::What::protect ? Verdict::persists : Verdict::held);
        }
        if (life.is == Life::Is::untold) c.doubt(Verdict::unknown, "rule", "untold", why + ": " + life.text);
        if (life.is == Life::Is::no && r.name != "*")
            c.speaks_for("rule", "dead", "by its name it is " + why + "; " + life.text);
    }
}

// What was done to it just now somebody may be about to use. Not asked of a namespace, which knows no time.
void ask_age(Case& c) {
    if (c.item.kind == "ipc-namespace") return;
    const auto at = c.touched();
    if (at != 0 && c.seen.taken - at >= c.age.count() * second) return;
    c.against(Verdict::unknown, "age", at == 0 ? "untold" : "young",
              at == 0 ? "when it was changed last is not told"
                      : "changed less than " + std::to_string(c.age.count()) + " s ago");
}

void judge_by_kind(Case& c) {
    const auto is = [&](std::string_view kind) { return c.item.kind == kind; };
    const auto& name = c.item.name;
    const auto own = "/dev/shm/wye-" + std::to_string(c.item.uid.value_or(0));
    if (is("sysv-shm")) judge_segment(c);
    if (is("sysv-sem")) judge_set(c);
    if (is("sysv-mq")) judge_message_queue(c);
    if (is("posix-shm")) judge_shared_file(c, "/dev/shm" + name);
    if (is("posix-sem")) judge_shared_file(c, "/dev/shm/sem." + name.substr(std::min<std::size_t>(1, name.size())));
    if (is("shm")) judge_shared_file(c, own + "/ring." + name);
    if (is("shm-sem")) judge_shared_file(c, own + "/sem." + name);
    if (is("posix-mq")) judge_queue(c);
    if (is("fifo")) judge_fifo(c);
    if (is("pid-file") || is("lock-file")) judge_pid_file(c);
    if (is("unix")) judge_socket(c);
    if (is("ipc-namespace")) judge_namespace(c);
    if (is("temp-dir")) judge_directory(c);
}

std::string holders_of(const Item& i) {
    std::string text;
    for (const auto& h : i.holders) {
        auto one = h.comm + "[" + std::to_string(h.pid) + "]";
        if (text.contains(one)) continue;
        if (text.size() > 60) return text + " ...";
        text += (text.empty() ? "" : " ") + one;
    }
    if (i.hidden_holders != 0)
        text += (text.empty() ? "" : " and ") + std::to_string(i.hidden_holders) + " whom nobody here can see";
    return text;
}

void ask_holders(Case& c) {
    const auto& i = c.item;
    if (!i.holders.empty() || i.hidden_holders != 0) c.held("holders", "some", "held by " + holders_of(i));
    if (!i.waiters.empty())
        c.held("waiters", "some",
               i.waiters.front().comm + "[" + std::to_string(i.waiters.front().pid) + "] sleeps at it in " +
                   std::string(i.waiters.front().what));
    if (c.decided() && i.kind == "sysv-shm" && i.use.ends_with(", removed"))
        c.add('-', "removed", "yes", "removed already: it goes with its last attach");
}

}  // namespace

std::string_view name(Verdict v) noexcept {
    constexpr std::string_view names[] = {"held", "protected", "proven", "likely", "unknown", "-"};
    return names[static_cast<std::size_t>(v)];
}
std::string_view title(Verdict v) noexcept {
    return v == Verdict::proven ? "orphan (proven)" : v == Verdict::likely ? "orphan (likely)" : name(v);
}
std::string_view verdict_word(Verdict v) noexcept {
    return v == Verdict::proven || v == Verdict::likely ? "orphan" : name(v);
}

const std::uint64_t* Case::number(std::string_view fact) const noexcept {
    for (const auto& [name, value] : item.facts)
        if (name == fact) return std::get_if<std::uint64_t>(&value);
    return nullptr;
}
std::int64_t Case::time(std::string_view fact) const noexcept {
    const auto* n = number(fact);
    return n ? static_cast<std::int64_t>(*n) * second : 0;
}
std::int64_t Case::touched() const noexcept {
    auto last = item.changed;
    for (const auto* f : {"attached", "detached", "operated", "sent", "received"}) last = std::max(last, time(f));
    return last;
}
bool Case::younger(const sys::SeenProcess& p, std::int64_t than) const noexcept {
    return seen.booted + static_cast<std::int64_t>(p.start) * tick > than + second;
}
std::string called(const sys::SeenProcess& p) { return p.comm + "[" + std::to_string(p.pid) + "]"; }

const Oracle& kernel_oracle() {
    static const Oracle kernel{
        .lease = [](const std::string& p, const FileIdentity& f) { return sys::anybody_else(p, f.dev, f.ino); },
        .queue = [](const std::string& n, const FileIdentity& f) { return sys::queue_anybody_else(n, f.dev, f.ino); },
        .operators = [](std::int32_t id) { return sys::last_operators(id); },
        .locked = [](const std::string& p, const FileIdentity& f) { return sys::locked(p, f.dev, f.ino); },
        .tree = [](const std::string& p, const FileIdentity& f,
                   const sys::Snapshot& s) { return sys::look_through(p, {f.dev, f.ino}, s); },
    };
    return kernel;
}

std::vector<Rule> persist_rules(const std::string& more) {
    auto rules = read_rules(more);
    if (rules) return std::move(*rules);
    return {Rule{.why = "the rules cannot be read: " + rules.error().message()}};
}

Judged judge(const Item& item, const Inventory& all, const sys::Snapshot& seen, const std::vector<Rule>& rules,
             std::chrono::seconds age, const Oracle& oracle) {
    Case c(item, all, seen, oracle, age);
    c.out.diagnosis = diagnosis_of(c);
    if (ends_with_its_users(item)) return c.decide(Verdict::no_matter), c.out;
    ask_holders(c);
    if (!c.decided()) ask_rules(c, rules);
    if (!c.decided()) ask_age(c);
    if (!c.decided()) judge_by_kind(c);
    if (!c.decided()) c.out.verdict = c.best();
    return c.out;
}

}  // namespace wye
