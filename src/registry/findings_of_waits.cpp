// Who sleeps for whom and for how long, and what lies where nobody takes it.
#include "os/asleep.hpp"
#include "registry/findings.hpp"
#include "registry/states.hpp"
#include "registry/waits.hpp"

#include <algorithm>
#include <set>

namespace wye {
namespace {

using std::chrono::nanoseconds;

std::string waiter_text(const Waiter& w) { return process_text(w.comm, w.pid); }
std::string object_text(const Item& i) { return std::string(i.kind) + " " + i.name; }

std::string holders_of(const std::vector<const Holder*>& all) {
    std::string s;
    for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 4); ++i)
        s += (i == 0 ? "" : ", ") + process_text(all[i]->comm, all[i]->pid);
    return all.size() > 4 ? s + ", ..." : s;
}
std::string holders_of(const Item& item, bool (*wanted)(const Holder&)) {
    std::vector<const Holder*> all;
    std::set<std::int32_t> pids;
    for (const auto& h : item.holders)
        if (wanted(h) && pids.insert(h.pid).second) all.push_back(&h);
    return holders_of(all);
}

// Whose sleep is the rule: it has nothing to do until something comes.
bool may_idle(const Waiter& w) {
    return w.what != "write" && w.what != "msgsnd" && w.what != "mq_send" && w.what != "open to write" &&
           w.what != "flock" && w.what != "fcntl" && w.what != "lock";
}

// A likely one is no more than that: of a semaphore only who was last at it is known.
void add_ring(const Look& k, const std::vector<Wait>& waits, const Ring& ring) {
    Finding f{.severity = ring.sure ? Severity::bad : Severity::warning, .what = "deadlock", .passing = true};
    f.title = ring.sure ? "deadlock: " : "likely a deadlock: ";
    f.about = "deadlock";
    std::set<std::int32_t> pids;
    for (const auto i : ring.waits) {
        const auto& w = waits[i];
        f.title += waiter_text(w.who) + " waits in " + std::string(w.who.what) + " for " + w.item->name + " -> ";
        f.evidence.push_back(object_text(*w.item) + ": " + (w.by.empty() ? "nobody else" : holders_of(w.by)) +
                             " would have to let " + waiter_text(w.who) + " go on");
        pids.insert(w.who.pid);
    }
    f.title += waiter_text(waits[ring.waits[0]].who);
    for (const auto p : pids) f.about += " " + std::to_string(p);
    f.look = "wye wait --cycles";
    k.out.push_back(std::move(f));
}

void add_blocked(const Look& k, const Wait& w, nanoseconds slept) {
    Finding f{.severity = Severity::warning, .what = "blocked", .passing = true};
    f.title = waiter_text(w.who) + " has waited for " + span_text(slept) + " in " + std::string(w.who.what) + " for " +
              object_text(*w.item);
    f.evidence.push_back(w.by.empty() ? "nobody is seen who could end that" : "until " + holders_of(w.by) + " lets it");
    if (w.stuck) f.evidence.emplace_back("they wait themselves, and none of them can go on");
    f.look = "wye wait --pid " + std::to_string(w.who.pid);
    f.about = "blocked " + std::to_string(w.who.tid) + " " + w.item->name;
    k.out.push_back(std::move(f));
}

// Those who wait for something to do are one note: whether that is too long, they alone know.
struct Idle {
    std::size_t n = 0;
    nanoseconds longest{0};
    const Wait* who = nullptr;
};

void add_idle(const Look& k, const Idle& idle) {
    if (idle.n == 0) return;
    Finding f{.severity = Severity::note, .what = "blocked"};
    f.title = std::to_string(idle.n) + (idle.n == 1 ? " thread has" : " threads have") + " waited for more than " +
              span_text(k.wanted.blocked) + " for something to come";
    f.evidence.push_back("longest " + waiter_text(idle.who->who) + ": " + span_text(idle.longest) + " in " +
                         std::string(idle.who->who.what) + " for " + object_text(*idle.who->item));
    f.look = "wye wait";
    f.about = "idle";
    k.out.push_back(std::move(f));
}

// For how long the kernel does not say here.
void add_unknown(const Look& k, std::size_t n) {
    if (n == 0) return;
    k.out.push_back({.severity = Severity::note,
                     .what = "blocked",
                     .title = std::to_string(n) + (n == 1 ? " thread waits" : " threads wait") +
                              " now; for how long this kernel does not tell",
                     .look = "wye wait",
                     .about = "unknown"});
}

void find_full(const Look& k, const Item& i) {
    if (!is_full(i)) return;
    const bool queue = fact(i, "messages") != nullptr;
    Finding f{.severity = i.waiters.empty() ? Severity::warning : Severity::bad, .what = "full", .passing = true};
    f.title = object_text(i) + " is full: " + i.use;
    f.evidence.push_back(queue ? "who sends sleeps, or gets EAGAIN"
                               : "who connects sleeps, or gets EAGAIN, or is dropped (tcp)");
    const auto takers = holders_of(i, [](const Holder& h) { return h.reads; });
    f.evidence.push_back(takers.empty() ? "nobody is seen who could take from it" : takers + " could take from it");
    for (const auto& w : i.waiters) f.evidence.push_back(waiter_text(w) + " sleeps in " + std::string(w.what));
    f.look = who_command(i);
    f.about = "full " + i.name;
    k.out.push_back(std::move(f));
}

// Whether somebody out of this pid namespace may have it: one who came in from there does, or the first in it.
bool comes_from_outside(const Look& k, const Item& i) {
    constexpr std::uint64_t first_of_all = 0xEFFFFFFC;  // PROC_PID_INIT_INO: the namespace that sees all others
    return std::ranges::any_of(i.holders, [&](const Holder& h) {
        const auto p = std::ranges::find(k.seen.processes, h.pid, &sys::SeenProcess::pid);
        return p != k.seen.processes.end() && p->ns.pid != first_of_all && (p->parent == 0 || p->pid == 1);
    });
}

// Pipes whose reader is not seen, but may be there all the same.
struct Doubtful {
    std::size_t n = 0;
    const Item* first = nullptr;
    bool outside = false;
};

void find_unread_pipe(const Look& k, const Item& i, bool flying, Doubtful& doubtful) {
    if (!reader_is_gone(i)) return;
    const bool outside = comes_from_outside(k, i);
    if (outside || flying || !k.all.coverage.whole()) {
        if (++doubtful.n == 1) doubtful.first = &i;
        doubtful.outside |= outside;
        return;
    }
    const auto writers = holders_of(i, [](const Holder& h) { return h.writes; });
    k.out.push_back({.severity = Severity::warning,
                     .what = "no-reader",
                     .title = object_text(i) + ": nobody reads what " + writers + " writes",
                     .evidence = {"the next write gives SIGPIPE or EPIPE"},
                     .look = who_command(i),
                     .passing = true,
                     .about = "no-reader " + i.name});
}

void add_doubtful(const Look& k, const Doubtful& d, bool flying) {
    if (d.n == 0) return;
    Finding f{.severity = Severity::note, .what = "no-reader"};
    f.title = std::to_string(d.n) + (d.n == 1 ? " pipe has" : " pipes have") + " a writer and no reader that is seen";
    f.evidence.push_back("as " + d.first->name + ", to which " +
                         holders_of(*d.first, [](const Holder& h) { return h.writes; }) + " writes");
    if (!k.all.coverage.whole()) f.evidence.emplace_back("one of those who could not be looked into may have it");
    if (d.outside) f.evidence.emplace_back("somebody out of this pid namespace may have it");
    if (flying) f.evidence.emplace_back("it may be one of the descriptors in flight");
    f.look = who_command(*d.first);
    f.about = "doubtful";
    k.out.push_back(std::move(f));
}

void find_flying(const Look& k, const Item& i) {
    const auto* n = fact(i, "descriptors_in_flight");
    if (!n || *n == 0) return;
    Finding f{.severity = Severity::warning, .what = "in-flight", .passing = true};
    f.title =
        std::to_string(*n) + (*n == 1 ? " descriptor lies" : " descriptors lie") + " unreceived in " + object_text(i);
    const auto who = holders_of(i, [](const Holder&) { return true; });
    f.evidence = {who.empty() ? "nobody is seen who has the socket" : "at " + who,
                  "what they stand for stays until somebody receives, and shows no holder meanwhile"};
    f.look = who_command(i);
    f.about = "in-flight " + i.name;
    k.out.push_back(std::move(f));
}

// Of a System V queue the last receiver is known, of a POSIX queue who has it open.
std::string why_unread(const Look& k, const Item& i) {
    if (i.kind == "posix-mq")
        return std::ranges::any_of(i.holders, &Holder::reads) ? "" : "nobody is seen who has it open to read";
    const auto* last = fact(i, "last_receiver");
    if (!last) return "nobody has ever received from it, or somebody of another pid namespace";
    const auto lives = [&](const sys::SeenProcess& p) { return p.pid == static_cast<std::int32_t>(*last); };
    return std::ranges::any_of(k.seen.processes, lives)
               ? ""
               : "process " + std::to_string(*last) + ", which received last, is dead";
}

void find_unread(const Look& k, const Item& i) {
    const auto* n = fact(i, "messages");
    const auto takes = [](const Waiter& w) { return w.what == "msgrcv" || w.what == "mq_receive"; };
    if (!n || *n == 0 || is_full(i) || std::ranges::any_of(i.waiters, takes)) return;
    auto last = i.changed;
    for (const auto* name : {"sent", "received"})
        if (const auto* t = fact(i, name)) last = std::max(last, static_cast<std::int64_t>(*t) * 1'000'000'000);
    const auto alone = nanoseconds(k.seen.taken - last);
    if (alone < k.wanted.age) return;
    const auto why = why_unread(k, i);
    if (why.empty()) return;
    Finding f{.severity = k.all.coverage.whole() || i.kind == "sysv-mq" ? Severity::warning : Severity::note,
              .what = "unread"};
    f.title =
        object_text(i) + " has " + std::to_string(*n) + (*n == 1 ? " message" : " messages") + " that nobody reads";
    f.evidence = {why, "nothing went in or out for " + span_text(alone)};
    f.look = who_command(i);
    f.about = "unread " + i.name;
    k.out.push_back(std::move(f));
}

}  // namespace

void find_waits(const Look& k) {
    const auto waits = waits_in(k.all);
    std::set<std::size_t> in_ring;
    for (const auto& ring : rings_in(waits)) {
        add_ring(k, waits, ring);
        in_ring.insert(ring.waits.begin(), ring.waits.end());
    }
    std::vector<sys::SleepingThread> threads;
    for (const auto& w : waits) threads.push_back({w.who.pid, w.who.tid});
    const auto slept = sys::since_they_ran(threads);
    Idle idle;
    std::size_t unknown = 0;
    for (std::size_t i = 0; i < waits.size(); ++i) {
        if (in_ring.contains(i)) continue;
        if (!slept[i]) {
            ++unknown;
            continue;
        }
        if (*slept[i] < k.wanted.blocked) continue;
        if (!may_idle(waits[i].who)) {
            add_blocked(k, waits[i], *slept[i]);
            continue;
        }
        ++idle.n;
        if (*slept[i] >= idle.longest) idle.longest = *slept[i], idle.who = &waits[i];
    }
    add_idle(k, idle);
    add_unknown(k, unknown);
}

void find_queues(const Look& k) {
    bool flying = false;
    for (const auto& i : k.all.items)
        if (const auto* n = fact(i, "descriptors_in_flight")) flying |= *n != 0;
    Doubtful doubtful;
    for (const auto& i : k.all.items) {
        find_full(k, i);
        find_unread_pipe(k, i, flying, doubtful);
        find_flying(k, i);
        find_unread(k, i);
    }
    add_doubtful(k, doubtful, flying);
}

}  // namespace wye
