// What the kernel keeps for each namespace: System V tables, message queues, sockets. The thread that enters them is
// one of our own: setns(2) changes that thread alone, for these kinds of namespaces.
#include "wye/os/fd.hpp"

#include "os/sem_calls.hpp"
#include "os/snapshot/crew.hpp"
#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"

#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_set>

namespace wye::sys {
namespace {

// ---- sockets

struct UnixRequest {
    nlmsghdr head;
    unix_diag_req body;
};
struct InetRequest {
    nlmsghdr head;
    inet_diag_req_v2 body;
};
struct TcpRequest {
    nlmsghdr head;
    inet_diag_req body;
};

// One dump. False when the kernel refuses or cannot.
bool dump(int socket, const void* request, std::size_t size,
          const std::function<DiagPart(std::span<const std::byte>)>& part) {
    const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
    if (sys::sendto(socket, request, size, 0, reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) < 0)
        return false;
    alignas(nlmsghdr) std::byte room[32768];
    for (;;) {
        const long n = sys::recvfrom(socket, room, sizeof room, 0, nullptr, nullptr);
        if (n == -EINTR) continue;
        if (n <= 0) return false;
        const auto p = part({room, static_cast<std::size_t>(n)});
        if (p.done) return p.error == 0;
    }
}

bool dump_unix(int socket, std::vector<UnixSocket>& into) {
    UnixRequest r{};
    r.head = {.nlmsg_len = sizeof r,
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
              .nlmsg_seq = 1,
              .nlmsg_pid = 0};
    r.body.sdiag_family = AF_UNIX;
    r.body.udiag_states = ~0u;
    r.body.udiag_show =
        UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN | UDIAG_SHOW_UID;
    return dump(socket, &r, sizeof r, [&](auto d) { return parse_unix_diag(d, into); });
}

bool dump_inet(int socket, std::uint8_t family, int protocol, std::vector<InetSocket>& into) {
    InetRequest r{};
    r.head = {.nlmsg_len = sizeof r,
              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
              .nlmsg_seq = 2,
              .nlmsg_pid = 0};
    r.body.sdiag_family = family, r.body.sdiag_protocol = static_cast<std::uint8_t>(protocol);
    r.body.idiag_states = ~0u;
    return dump(socket, &r, sizeof r, [&](auto d) { return parse_inet_diag(d, protocol == IPPROTO_UDP, into); });
}

// Both families at once, as the request of old has it: of TCP the kernel goes over every bucket of the machine each
// time.
bool dump_tcp(int socket, std::vector<InetSocket>& into) {
    TcpRequest r{};
    r.head = {.nlmsg_len = sizeof r,
              .nlmsg_type = TCPDIAG_GETSOCK,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
              .nlmsg_seq = 2,
              .nlmsg_pid = 0};
    r.body.idiag_states = ~0u;
    std::vector<InetSocket> all;
    if (!dump(socket, &r, sizeof r, [&](auto d) { return parse_inet_diag(d, false, all); })) return false;
    into.insert(into.end(), all.begin(), all.end());
    return true;
}

// A kernel without IPv6 has none of its sockets.
bool dump_both(int socket, int protocol, std::vector<InetSocket>& into) {
    if (!dump_inet(socket, AF_INET, protocol, into)) return false;
    (void)dump_inet(socket, AF_INET6, protocol, into);
    return true;
}

// ---- a namespace, from inside

// Of the semaphores that somebody sleeps for: their values, and who changed them last. Asking changes nothing.
void ask_awaited(const Snapshot& s, IpcNamespace& ns) {
    for (const auto& p : s.processes)
        for (const auto& b : p.blocked) {
            if (b.in != SleepsIn::semop || p.ns.ipc != ns.ino) continue;
            const auto set = std::ranges::find(ns.sem, static_cast<std::int32_t>(b.args[0]), &SysvSemRow::id);
            if (set == ns.sem.end()) continue;
            for (const auto& op : b.ops) {
                if (set->member(op.member)) continue;
                const long value = sys::semctl(set->id, op.member, GETVAL),
                           last = sys::semctl(set->id, op.member, GETPID);
                if (value < 0 || last < 0) continue;
                set->awaited.push_back({op.member, static_cast<std::uint16_t>(value), static_cast<std::int32_t>(last)});
            }
        }
}

void read_sysv(const Snapshot& s, IpcNamespace& ns, Reader& reader) {
    ns.shm = parse_sysv_shm(reader.whole(AT_FDCWD, "/proc/sysvipc/shm"));
    ns.seen = reader.error() == 0;
    ns.sem = parse_sysv_sem(reader.whole(AT_FDCWD, "/proc/sysvipc/sem"));
    ask_awaited(s, ns);
    ns.msg = parse_sysv_msg(reader.whole(AT_FDCWD, "/proc/sysvipc/msg"));
}

// Without a mount of our own /dev/mqueue is looked at: it may be of another namespace, or missing.
void read_queues(Snapshot& s, IpcNamespace& ns) {
    const Fd mount(static_cast<int>(std::max(mount_apart("mqueue"), -1L)));
    long r = -ENOENT;
    if (mount != nullptr)
        r = sys::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY);
    else if (ns.ino == s.own.ipc)
        r = sys::open("/dev/mqueue", O_RDONLY | O_DIRECTORY);
    if (r < 0) return;
    const Fd top(static_cast<int>(r));
    if (is_of_queues(top.get())) take_queues(s, ns, top.get());
}

// 0, or why not. A process's number may be another's by now, who is elsewhere.
long enter_by(const std::string& way, std::uint64_t ino, int kind) {
    const long r = sys::open(way.c_str(), O_RDONLY | O_NONBLOCK);
    if (r < 0) return r;
    const Fd fd(static_cast<int>(r));
    FileFacts f;
    if (const long looked = look(fd.get(), "", AT_EMPTY_PATH, f); looked < 0) return looked;
    return f.key.ino == ino ? setns(fd.get(), kind) : -ENOENT;
}

enum class Entry : std::uint8_t { in, gone, refused };

// By the way that is known, and where that has gone meanwhile by any process that was seen in it.
template <class Namespace>
Entry enter(const Snapshot& s, const Namespace& ns, const std::string& known, int kind) {
    bool refused = false;
    const auto by = [&](const std::string& way) {
        const long r = enter_by(way, ns.ino, kind);
        refused |= r < 0 && r != -ENOENT && r != -ESRCH;
        return r == 0;
    };
    if (by(known)) return Entry::in;
    for (const auto& p : s.processes)
        if ((kind == CLONE_NEWIPC ? p.ns.ipc : p.ns.net) == ns.ino &&
            by("/proc/" + std::to_string(p.pid) + (kind == CLONE_NEWIPC ? "/ns/ipc" : "/ns/net")))
            return Entry::in;
    // One that only a mount or a descriptor keeps may be kept elsewhere, too.
    return refused || ns.empty ? Entry::refused : Entry::gone;
}

// Namespaces that a process has a descriptor of: what `ip netns`-like tools do without a mount.
void add_ways_of_descriptors(Snapshot& s, Ways& ipc, Ways& net) {
    for (const auto& p : s.processes)
        for (const auto& f : p.fds) {
            const auto way = [&] { return "/proc/" + std::to_string(p.pid) + "/fd/" + std::to_string(f.fd); };
            if (const auto ino = bracketed(f.target, "net")) net.try_emplace(*ino, way());
            if (const auto ino = bracketed(f.target, "ipc"); ino && ipc.try_emplace(*ino, way()).second)
                s.ipc.push_back({.ino = *ino, .empty = true, .way = {}});
        }
}

// A socket stays in the namespace where it was made: its process may have left that, and nobody else be in it.
void count_strays(Snapshot& s) {
    std::unordered_set<std::uint64_t> known;
    for (const auto& ns : s.net) {
        for (const auto& u : ns.unix_sockets) known.insert(u.ino);
        for (const auto& i : ns.inet_sockets) known.insert(i.ino);
    }
    for (const auto& p : s.processes)
        for (const auto& f : p.fds)
            if (f.file.is(type_socket) && known.insert(f.file.key.ino).second && is_unix_socket(p.pid, f.fd))
                ++s.stray_sockets;
}

template <class Namespace>
void note_unseen(Snapshot& s, const Namespace& ns, const char* kind, bool seen) {
    if (!seen) s.blind.push_back(std::string(kind) + " " + std::to_string(ns.ino));
}

}  // namespace

bool dump_sockets(NetNamespace& ns) {
    const long r = sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    if (r < 0) return false;
    const Fd socket(static_cast<int>(r));
    if (!dump_unix(socket.get(), ns.unix_sockets)) return false;
    return (dump_tcp(socket.get(), ns.inet_sockets) || dump_both(socket.get(), IPPROTO_TCP, ns.inet_sockets)) &&
           dump_both(socket.get(), IPPROTO_UDP, ns.inet_sockets);
}

void take_namespaces(Snapshot& s, Reader& reader) {
    Ways ipc, net;
    for (const auto& p : s.processes) {
        const auto way = "/proc/" + std::to_string(p.pid) + "/ns/";
        if (p.ns.ipc != 0) ipc.try_emplace(p.ns.ipc, way + "ipc");
        if (p.ns.net != 0) net.try_emplace(p.ns.net, way + "net");
    }
    ipc.try_emplace(s.own.ipc, ""), net.try_emplace(s.own.net, "");
    const auto with_processes = std::pair(ipc, net);
    take_mounts(s, reader, ipc, net);
    for (const auto& [ino, way] : ipc) {
        const bool empty = !with_processes.first.contains(ino);
        s.ipc.push_back({.ino = ino, .empty = empty, .way = empty ? way : std::string()});
    }
    add_ways_of_descriptors(s, ipc, net);
    for (const auto& [ino, way] : net) s.net.push_back({.ino = ino, .empty = !with_processes.second.contains(ino)});

    bool others = false;
    for (auto& ns : s.ipc)
        if (ns.ino == s.own.ipc)
            read_sysv(s, ns, reader), read_queues(s, ns);
        else
            others = true;
    for (auto& ns : s.net)
        if (ns.ino == s.own.net)
            ns.seen = dump_sockets(ns);
        else
            others = true;
    std::set<std::uint64_t> gone;  // with all who were in them
    if (others)
        Helper([&] {  // whose namespaces end with it
            for (auto& ns : s.ipc) {
                if (ns.ino == s.own.ipc) continue;
                const auto entry = enter(s, ns, ipc[ns.ino], CLONE_NEWIPC);
                if (entry == Entry::in) read_sysv(s, ns, reader), read_queues(s, ns);
                if (entry == Entry::gone) gone.insert(ns.ino);
            }
            for (auto& ns : s.net) {
                if (ns.ino == s.own.net) continue;
                const auto entry = enter(s, ns, net[ns.ino], CLONE_NEWNET);
                if (entry == Entry::in) ns.seen = dump_sockets(ns);
                if (entry == Entry::gone) gone.insert(ns.ino);
            }
        })
            .join();
    std::erase_if(s.ipc, [&](const auto& ns) { return gone.contains(ns.ino); });
    std::erase_if(s.net, [&](const auto& ns) { return gone.contains(ns.ino); });
    count_strays(s);
    for (const auto& ns : s.ipc)
        note_unseen(s, ns, "ipc namespace", ns.seen),
            note_unseen(s, ns, "message queues of ipc namespace", ns.queues_seen);
    for (const auto& ns : s.net) note_unseen(s, ns, "network namespace", ns.seen);
}

}  // namespace wye::sys
