// What speaks for and against an orphan that has a name among files: in /dev/shm, among the queues, in /run and /tmp.
#include "io/see.hpp"
#include "registry/case.hpp"

#include <algorithm>

namespace wye {
namespace {

std::string of_processes(std::size_t n, std::string_view what) {
    return std::to_string(n) + (n == 1 ? " process " : " processes ") + std::string(what);
}

// Nobody has it open or mapped, as far as one can see. Answers what that alone comes to.
Verdict scan(Case& c, const std::string& nobody = "no descriptor and no mapping in ") {
    const auto& cover = c.all.coverage;
    const auto hidden = cover.unreadable.size();
    c.speaks_for("scan", "nobody",
                 nobody + of_processes(cover.processes - hidden, "that can be looked into") +
                     (hidden == 0 ? std::string() : " (" + std::to_string(hidden) + " cannot)"));
    return c.whole() ? Verdict::likely : Verdict::unknown;
}

void partial(Case& c, Verdict v) {
    if (v != Verdict::unknown) return c.lower(v);
    const auto& cover = c.all.coverage;
    c.doubt(v, "scan", "partial",
            !cover.unreadable.empty() ? of_processes(cover.unreadable.size(), "could not be looked into")
            : cover.blind.empty()     ? std::string("not all could be seen")
                                      : "not seen: " + cover.blind.front());
}

// The kernel's word, where it may be asked; true when it settles the matter. While it is asked an opener waits: not
// for what was made just now, which is not removed whatever the answer.
bool by_lease(Case& c, const std::function<sys::Sole(const std::string&, const FileIdentity&)>& ask,
              const std::string& path) {
    const auto* file = std::get_if<FileIdentity>(&c.item.identity);
    if (!ask || !file || c.best() == Verdict::unknown) return false;
    switch (ask(path, *file)) {
        case sys::Sole::yes:
            c.speaks_for(
                "lease", "granted",
                "the kernel gave a write lease: no open description anywhere, in no namespace, none in flight");
            return true;
        case sys::Sole::no:
            c.held("lease", "refused", "the kernel refused a write lease: somebody has it, whom nobody here can see");
            return true;
        case sys::Sole::gone:
            c.against(Verdict::unknown, "lease", "gone", "its name stands for something else by now");
            return true;
        case sys::Sole::unasked:
            break;
    }
    c.doubt(Verdict::proven, "lease", "unasked",
            "the kernel could not be asked for a lease: it is another user's, or leases do not work here");
    return false;
}

bool elsewhere(Case& c) {
    if (c.item.own_ns) return false;
    c.doubt(
        Verdict::unknown, "namespace", "foreign",
        "it lies in another " + std::string(c.item.space == "ipc" ? "IPC" : "mount") + " namespace: not asked there");
    return true;
}

// In a container's pid namespace those outside are not seen. What they may have, too, is a mount that is not the
// container's own file system.
bool may_be_shared(const Case& c) {
    if (c.seen.own.pid == 0 || c.seen.own.pid == sys::first_pid) return false;
    const sys::Mount* best = nullptr;
    for (const auto& m : c.seen.mounts) {
        const bool above = c.item.name.starts_with(m.point) &&
                           (m.point.ends_with('/') || c.item.name.substr(m.point.size()).starts_with('/'));
        if (above && (!best || m.point.size() >= best->point.size())) best = &m;
    }
    return !best || !(best->type == "overlay" || (best->type == "tmpfs" && best->root == "/"));
}
void doubt_outside(Case& c) {
    if (may_be_shared(c))
        c.doubt(Verdict::likely, "outside", "unseen",
                "its file system may be shared with processes outside of this pid namespace, which are not seen");
}

}  // namespace

void judge_shared_file(Case& c, const std::string& path) {
    const auto seen = scan(c);
    if (elsewhere(c)) return;
    if (!by_lease(c, c.oracle.lease, path)) partial(c, seen);
}

void judge_queue(Case& c) {
    const auto seen = scan(c, "no descriptor in ");
    if (elsewhere(c)) return;
    const auto* messages = c.number("messages");
    if (!messages)
        c.doubt(Verdict::likely, "messages", "untold", "whether messages wait in it may not be read");
    else if (*messages != 0)
        c.against(Verdict::likely, "messages", "some",
                  counted(*messages, "message") + " in it, for a receiver that may come");
    else
        c.speaks_for("messages", "none", "no message waits in it");
    if (!by_lease(c, c.oracle.queue, c.item.name)) partial(c, seen);
}

// To open it would wake somebody, so only those who have it or wait to open it are looked for.
void judge_fifo(Case& c) {
    const auto seen = scan(c, "no descriptor and nobody who waits to open it in ");
    if (elsewhere(c)) return;
    c.doubt(Verdict::likely, "kind", "stays", "a FIFO is usually meant to stay, for whoever opens it next");
    doubt_outside(c);
    partial(c, seen);
}

void judge_socket(Case& c) {
    const auto& net = c.all.coverage.net;
    const auto* file = std::get_if<FileIdentity>(&c.item.identity);
    const auto untold = std::ranges::count(c.seen.processes, 0u, [](const auto& p) { return p.ns.net; });
    for (const auto& ns : c.seen.net)
        for (const auto& u : ns.unix_sockets)  // on btrfs stat(2) tells another device than the kernel
            if (file && u.file.ino == file->ino && u.name == c.item.name)
                return c.against(Verdict::unknown, "bound", "device",
                                 "a socket of this name and inode is bound, on another device: btrfs shows it so");
    if (net.seen != net.all)
        c.doubt(Verdict::unknown, "bound", "unasked",
                std::to_string(net.all - net.seen) + " network namespaces could not be asked");
    if (untold != 0)
        c.doubt(
            Verdict::unknown, "bound", "untold",
            "in which network namespace " + of_processes(static_cast<std::size_t>(untold), "is or are is not told"));
    if (c.seen.stray_sockets != 0)
        c.doubt(Verdict::unknown, "bound", "stray",
                std::to_string(c.seen.stray_sockets) + " sockets are of network namespaces that were not found");
    if (!c.seen.all_listed)
        c.doubt(Verdict::unknown, "bound", "hidden",
                "/proc hides other users' processes, and with them their namespaces");
    doubt_outside(c);
    c.speaks_for("bound", "nobody",
                 "no socket is bound to this file in " + std::to_string(net.seen) + "/" + std::to_string(net.all) +
                     " network namespaces");
}

// Also of a lock that is held by being there, with its maker's number in it: /tmp/.X0-lock.
void judge_pid_file(Case& c) {
    const auto seen = scan(c, "no descriptor in ");
    const auto* pid = c.number("pid");
    if (pid) {
        const auto text = "pid " + std::to_string(*pid);
        if (!c.seen.all_listed)
            c.doubt(Verdict::unknown, "pid", "hidden", text + " is not seen: /proc hides other users' processes");
        else
            c.speaks_for("pid", c.item.use.ends_with("gone") ? "dead" : "reused",
                         c.item.use.ends_with("gone") ? text + " is dead"
                                                      : text + " is another's now, which began after it was written");
        for (const auto& p : c.seen.processes)
            if (p.inner == static_cast<std::int32_t>(*pid) && p.inner != p.pid && !c.younger(p, c.item.changed)) {
                c.against(Verdict::unknown, "pid", "inner",
                          called(p) + " has that number in a pid namespace of its own");
                break;
            }
    } else {
        c.doubt(Verdict::likely, "pid", "none", "it does not say whose it is; a lock file may stay between its uses");
    }
    doubt_outside(c);
    if (by_lease(c, c.oracle.lease, c.item.name) || c.best() == Verdict::unknown) return;
    const auto* file = std::get_if<FileIdentity>(&c.item.identity);
    if (c.oracle.locked && file && c.oracle.locked(c.item.name, *file))
        return c.against(Verdict::unknown, "lock", "locked", "fcntl(2) locks it, or it cannot be asked");
    if (c.oracle.locked) c.speaks_for("lock", "none", "fcntl(2) locks it for nobody");
    // flock(2) is seen by descriptors alone.
    if (seen == Verdict::unknown)
        c.doubt(Verdict::likely, "scan", "partial",
                "a lock of flock(2) may be held by a process that cannot be looked into");
    if (!c.oracle.locked) c.lower(Verdict::likely);
}

// Anything old below it may be an archive's that was unpacked just now, and an owner who lives may come back to it.
void judge_directory(Case& c) {
    const auto seen = scan(c, "nothing of it is open in ");
    const auto* file = std::get_if<FileIdentity>(&c.item.identity);
    c.doubt(Verdict::likely, "kind", "stays", "a directory may be meant for later");
    partial(c, seen);
    if (!c.oracle.tree || !file || c.best() == Verdict::unknown) return;
    const auto tree = c.oracle.tree(c.item.name, *file, c.seen);
    if (!tree.whole) c.doubt(Verdict::unknown, "tree", "partial", tree.why);
    if (tree.user != 0)
        return c.held("tree", "used",
                      tree.comm + "[" + std::to_string(tree.user) + "] works in it, or has something of it mapped");
    if (c.seen.taken - tree.newest < std::chrono::nanoseconds(c.age).count())
        c.against(Verdict::unknown, "age", "young",
                  "something in it was changed less than " + std::to_string(c.age.count()) + " s ago");
    c.speaks_for("tree", "unused",
                 "nobody works in it or has any of its " + std::to_string(tree.entries) + " entries open or mapped");
    for (const auto& p : c.seen.processes)
        if ((c.item.uid == p.uid || c.item.uid == p.effective) && !c.younger(p, tree.newest))
            return c.against(Verdict::unknown, "user", "older",
                             called(p) + ", of the same user, runs since before it was changed last");
    c.speaks_for("user", "none", "no process of its user is as old as its last change");
}

}  // namespace wye
