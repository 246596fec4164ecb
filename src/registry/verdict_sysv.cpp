// What speaks for and against an orphan among System V objects. A segment's attaches are counted by the kernel; sets
// and queues know only who came last: an idle server looks like none.
#include "io/see.hpp"
#include "registry/case.hpp"

#include <algorithm>

namespace wye {
namespace {

bool elsewhere(Case& c) {
    if (c.item.own_ns) return false;
    const auto ns = std::ranges::find(c.seen.ipc, c.item.ns, &sys::IpcNamespace::ino);
    c.doubt(Verdict::unknown, "namespace", "foreign",
            ns != c.seen.ipc.end() && ns->empty
                ? "it lies in an IPC namespace that no process is in: ipc-namespace " + std::to_string(ns->ino)
                : std::string("it lies in another IPC namespace, whose users are another's to know"));
    return true;
}

// A process that had this number when it did that; who has the number now may be another.
void ask_pid(Case& c, const std::string& role, std::uint64_t pid, std::int64_t did) {
    const auto who = role + " " + std::to_string(pid);
    const auto p = std::ranges::find(c.seen.processes, static_cast<std::int32_t>(pid), &sys::SeenProcess::pid);
    if (p != c.seen.processes.end() && !c.younger(*p, did))
        return c.against(Verdict::unknown, "pid", "alive", who + " lives: " + p->comm);
    if (p != c.seen.processes.end())
        return c.speaks_for("pid", "reused", who + " is dead: the number is another's now, which began later");
    if (!c.seen.all_listed)
        return c.doubt(Verdict::unknown, "pid", "hidden", who + " is not seen: /proc hides other users' processes");
    c.speaks_for("pid", "dead", who + " is dead");
}

// The number of a process in another pid namespace is 0 here.
void ask_role(Case& c, const char* fact, const std::string& role, std::int64_t did, bool always = false) {
    if (const auto* pid = c.number(fact)) return ask_pid(c, role, *pid, did);
    if (did != 0 || always)
        c.doubt(Verdict::unknown, "pid", "foreign", role + " is of another pid namespace: alive or dead is not known");
}

bool of_user(const sys::SeenProcess& p, std::optional<std::uint32_t> uid, const std::uint64_t* maker) {
    const auto is = [&](std::uint32_t id) { return uid == id || (maker && *maker == id); };
    return is(p.uid) || is(p.effective);
}

// Somebody outside of this pid namespace may be in this IPC namespace: where it is the machine's own, or where the
// kernel names users by no number.
bool outsiders(const Case& c) {
    if (c.seen.own.pid == 0 || c.seen.own.pid == sys::first_pid) return false;
    const auto ns = std::ranges::find(c.seen.ipc, c.item.ns, &sys::IpcNamespace::ino);
    if (ns == c.seen.ipc.end() || ns->ino == sys::first_ipc) return true;
    return std::ranges::any_of(ns->shm, [](const auto& r) { return r.creator == 0; }) ||
           std::ranges::any_of(ns->msg, [](const auto& r) {
               return (r.sent != 0 && r.last_sender == 0) || (r.received != 0 && r.last_receiver == 0);
           });
}

// Who looks a key up leaves no trace, and a child knows what its dead parent knew: so one of its user who is younger
// than the last use speaks against it, too, though not as much as one who is older.
void by_user(Case& c, std::uint32_t others) {
    const auto* maker = c.number("creator_uid");
    const sys::SeenProcess *older = nullptr, *younger = nullptr;
    for (const auto& p : c.seen.processes)
        if (of_user(p, c.item.uid, maker)) (c.younger(p, c.touched()) ? younger : older) = &p;
    if (older)
        c.against(
            Verdict::unknown, "user", "older",
            called(*older) + ", of the same user, runs since before the last operation: it may use this at any time");
    else if (younger)
        c.against(Verdict::likely, "user", "younger",
                  called(*younger) + ", of the same user, began after its last use, and may know it");
    else
        c.speaks_for("user", "none", "no process of its user lives");
    if ((c.item.mode & others) != 0)
        c.against(Verdict::likely, "mode", "others", "its permissions let other users at it");
    if (!c.seen.all_listed)
        c.doubt(Verdict::unknown, "user", "hidden", "/proc hides other users' processes");
    else if (!c.whole())
        c.doubt(Verdict::likely, "scan", "partial", "who sleeps at it is not known of all processes");
    if (outsiders(c))
        c.doubt(Verdict::likely, "outside", "unseen",
                "processes outside of this pid namespace may use it, and are not seen");
}

}  // namespace

void judge_segment(Case& c) {
    // Seen with its attachers as holders; without any, the count alone says it.
    if (const auto* n = c.number("attaches"); n && *n != 0)
        return c.held("attaches", "some", std::to_string(*n) + " attaches");
    c.speaks_for("attaches", "none", "no attaches, says the kernel");
    if (elsewhere(c)) return;
    ask_role(c, "creator", "creator", c.item.changed, true);
    ask_role(c, "last", "last user", std::max(c.time("attached"), c.time("detached")));
}

void judge_set(Case& c) {
    if (elsewhere(c)) return;
    c.speaks_for("waiters", "none", "nobody is seen to sleep at it");
    c.doubt(Verdict::proven, "attaches", "uncounted",
            "nobody attaches a set, and who owes it an undo is not shown: a server that idles looks like no server");
    if (c.time("operated") == 0) c.speaks_for("operated", "never", "it was never operated on");
    by_user(c, 022);  // who may only read cannot take or give
    const auto* id = std::get_if<SysvIdentity>(&c.item.identity);
    if (c.best() == Verdict::unknown || !c.oracle.operators || !id) return;
    const auto pids = c.oracle.operators(id->id);
    for (const auto pid : pids) ask_pid(c, "operator", static_cast<std::uint64_t>(pid), c.time("operated"));
    if (pids.empty() && c.time("operated") != 0)
        c.doubt(Verdict::likely, "pid", "untold", "who operated on it last is not told");
}

void judge_message_queue(Case& c) {
    if (elsewhere(c)) return;
    c.speaks_for("waiters", "none", "nobody is seen to sleep at it");
    c.doubt(Verdict::proven, "attaches", "uncounted",
            "nobody attaches a queue: a server that idles looks like no server");
    ask_role(c, "last_sender", "last sender", c.time("sent"));
    ask_role(c, "last_receiver", "last receiver", c.time("received"));
    if (const auto* n = c.number("messages"); !n || *n != 0)
        c.against(Verdict::likely, "messages", "some",
                  counted(n ? *n : 0, "message") + " in it, for a receiver that may come");
    else
        c.speaks_for("messages", "none", "no message waits in it");
    by_user(c, 066);
}

// A mount keeps it, which is what some want of it: containers that share one.
void judge_namespace(Case& c) {
    c.speaks_for("scan", "nobody", "no process is in it, and none has a descriptor of it");
    c.doubt(Verdict::likely, "kind", "kept",
            "somebody mounted it, to be entered later: containers that share one do so");
    if (!c.whole())
        c.doubt(Verdict::unknown, "scan", "partial", "of some processes it is not told which namespaces they are in");
}

}  // namespace wye
