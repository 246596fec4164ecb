#include "registry/verdict.hpp"

#include "wye/base/text.hpp"

#include "os/lease.hpp"
#include "os/small_file.hpp"
#include "os/snapshot/snapshot.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

namespace wye {
namespace {

constexpr std::int64_t second = 1'000'000'000, tick = 10'000'000;

// Each with the program whose objects these are, and where it says so.
const PersistRule known_to_persist[] = {
    {"posix-shm", "/PostgreSQL.*", "PostgreSQL's, which removes them itself"},
    {"sysv-shm", "*key 0x0052e2c1*", "the lock of a PostgreSQL cluster on port 5432, also when it crashed"},
    {"posix-shm", "/pulse-shm-*", "PulseAudio's"},
    {"posix-shm", "/lttng-ust-*", "LTTng's"},
    {"fifo", "/run/*", "a service's, which it opens again"},
    {"fifo", "/dev/*", "a service's, which it opens again"},
};

struct Case {
    const Item& item;
    const Inventory& all;
    const sys::Snapshot& seen;
    Judged out{};

    void add(char mark, std::string text) { out.evidence.push_back({mark, std::move(text)}); }
    Verdict end(Verdict v) { return out.verdict = v; }

    const std::uint64_t* number(std::string_view fact) const {
        for (const auto& [name, value] : item.facts)
            if (name == fact) return std::get_if<std::uint64_t>(&value);
        return nullptr;
    }
    bool whole() const { return all.coverage.whole(); }

    // A process that had this number when the object was changed last; who has it now may be another.
    bool gone(std::string_view role, std::uint64_t pid) {
        const auto p = std::ranges::find(seen.processes, static_cast<std::int32_t>(pid), &sys::SeenProcess::pid);
        const auto who = std::string(role) + " " + std::to_string(pid);
        if (p == seen.processes.end()) return add('+', who + " is dead"), true;
        if (seen.booted + static_cast<std::int64_t>(p->start) * tick > item.changed + second)
            return add('+', who + " is dead: the number is another's now, which began later"), true;
        return add('-', who + " lives: " + p->comm), false;
    }

    Verdict by_scan();
    Verdict by_lease(const std::string& path);
    Verdict segment();
    Verdict by_user(std::string_view operated);
    Verdict socket();
};

// Nobody has it open, mapped, or waits for it; as far as one can see.
Verdict Case::by_scan() {
    const auto readable = all.coverage.processes - all.coverage.unreadable.size();
    add('+', "no descriptor and no mapping in " + std::to_string(readable) + " processes");
    if (whole()) return Verdict::likely;
    add('!', std::to_string(all.coverage.unreadable.size()) + " processes could not be looked into");
    return Verdict::unknown;
}

Verdict Case::by_lease(const std::string& path) {
    const auto scanned = by_scan();
    const auto* file = std::get_if<FileIdentity>(&item.identity);
    if (!file || !item.own_ns) return add('!', "it lies in another mount namespace: not asked there"), Verdict::unknown;
    switch (sys::anybody_else(path, file->dev, file->ino)) {
        case sys::Sole::yes:
            add('+', "the kernel gave a write lease: no open description anywhere, in no namespace, none in flight");
            return Verdict::proven;
        case sys::Sole::no:
            add('-', "the kernel refused a write lease: somebody has it, whom nobody here can see");
            return Verdict::held;
        case sys::Sole::gone:
            add('-', "its name stands for something else by now");
            return Verdict::held;
        case sys::Sole::unasked:
            break;
    }
    add('!', "the kernel could not be asked for a lease: it is another user's, or leases do not work here");
    return scanned;
}

// System V counts who has attached it, and knows who made it and who came last.
Verdict Case::segment() {
    if (const auto* n = number("attaches"); n && *n != 0)
        return add('-', std::to_string(*n) + " attaches"), Verdict::held;
    add('+', "no attaches, says the kernel");
    if (!item.own_ns)
        return add('!', "it lies in another IPC namespace: its numbers mean nothing here"), Verdict::unknown;
    bool dead = true;
    for (const auto* role : {"creator", "last"}) {
        const auto* pid = number(role);
        if (!pid && std::string_view(role) == "creator")
            add('!', "its creator is of another pid namespace: alive or dead is not known"), dead = false;
        if (pid && !gone(role, *pid)) dead = false;
    }
    return dead ? Verdict::proven : Verdict::unknown;
}

// Sets and queues have no users, only a last operation: an idle server looks like none. Nobody of their user may be
// older than that.
Verdict Case::by_user(std::string_view operated) {
    add('!', "nobody attaches it: a server that idles looks like no server");
    const auto* at = number(operated);
    const auto last = std::max(item.changed, at ? static_cast<std::int64_t>(*at) * second : 0);
    for (const auto& p : seen.processes)
        if (item.uid == p.uid && seen.booted + static_cast<std::int64_t>(p.start) * tick <= last + second)
            return add('-', p.comm + "[" + std::to_string(p.pid) +
                                "], of the same user, runs since before it was used last"),
                   Verdict::unknown;
    add('+', "no process of its user is as old as its last use");
    return whole() ? Verdict::likely : Verdict::unknown;
}

Verdict Case::socket() {
    const auto& net = all.coverage.net;
    if (net.seen != net.all)
        return add('!', std::to_string(net.all - net.seen) + " network namespaces could not be asked"),
               Verdict::unknown;
    add('+', "no socket is bound to this file in any of " + std::to_string(net.all) + " network namespaces");
    return Verdict::proven;
}

}  // namespace

std::string_view name(Verdict v) noexcept {
    constexpr std::string_view names[] = {"held", "persists", "proven", "likely", "unknown", "-"};
    return names[static_cast<std::size_t>(v)];
}

std::vector<PersistRule> persist_rules(const std::string& file) {
    std::vector<PersistRule> all(std::begin(known_to_persist), std::end(known_to_persist));
    const auto text = sys::read_whole(file);
    if (!text) return all;
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        PersistRule r;
        if (words >> r.kind >> r.name && !r.kind.starts_with('#')) {
            std::getline(words >> std::ws, r.why);
            all.push_back(std::move(r));
        }
    }
    return all;
}

Judged judge(const Item& item, const Inventory& all, const sys::Snapshot& seen, const std::vector<PersistRule>& rules,
             std::chrono::seconds age) {
    Case c{item, all, seen};
    const auto is = [&](auto... kinds) { return ((item.kind == kinds) || ...); };
    if (!is("sysv-shm", "sysv-sem", "sysv-mq", "posix-shm", "posix-sem", "posix-mq", "unix", "fifo", "pid-file", "shm",
            "shm-sem") ||
        (item.kind == "unix" && !item.file && !std::holds_alternative<FileIdentity>(item.identity)))
        return c.end(Verdict::no_matter), c.out;
    if (item.held()) {
        c.add('-', std::to_string(item.holders.size() + item.hidden_holders) + " holders, " +
                       std::to_string(item.waiters.size()) + " waiting");
        return c.end(Verdict::held), c.out;
    }
    for (const auto& r : rules)
        if ((r.kind == "*" || r.kind == item.kind) && ::fnmatch(r.name.c_str(), item.name.c_str(), 0) == 0)
            return c.add('-', r.why.empty() ? "a rule says so" : r.why), c.end(Verdict::persists), c.out;
    auto v = Verdict::unknown;
    if (item.kind == "sysv-shm") v = c.segment();
    if (item.kind == "sysv-sem") v = c.by_user("operated");
    if (item.kind == "sysv-mq") v = c.by_user("received");
    if (item.kind == "posix-shm") v = c.by_lease("/dev/shm" + item.name);
    if (item.kind == "posix-sem") v = c.by_lease("/dev/shm/sem." + item.name.substr(1));
    if (is("shm", "shm-sem"))
        v = c.by_lease("/dev/shm/wye-" + std::to_string(item.uid.value_or(0)) +
                       (item.kind == "shm" ? "/ring." : "/sem.") + item.name);
    if (is("posix-mq", "fifo")) v = c.by_scan();
    if (item.kind == "pid-file") c.add('+', item.use), v = c.whole() ? Verdict::proven : Verdict::likely;
    if (item.kind == "unix") v = c.socket();
    if (v == Verdict::proven || v == Verdict::likely) {
        const auto left_alone = seen.taken - item.changed;
        if (item.changed == 0 || left_alone < age.count() * second)
            c.add('-', "changed less than " + std::to_string(age.count()) + " s ago"), v = Verdict::unknown;
    }
    return c.end(v), c.out;
}

}  // namespace wye
