// TCP and UDP sockets as `wye ls` shows them.
#include "io/see_inet.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace wye {
namespace {

// An IPv4 address inside an IPv6 one: ::ffff:127.0.0.1.
bool mapped(const sys::InetEnd& e) {
    return std::ranges::all_of(e.address, e.address + 10, [](auto b) { return b == 0; }) && e.address[10] == 0xff &&
           e.address[11] == 0xff;
}

std::string v6_text(const std::uint8_t* a) {
    // The longest run of zeros is left out once. RFC 5952
    unsigned group[8];
    int best = -1, most = 1;
    for (int i = 0; i < 8; ++i) group[i] = static_cast<unsigned>(a[2 * i] << 8 | a[2 * i + 1]);
    for (int i = 0; i < 8; ++i) {
        int n = 0;
        while (i + n < 8 && group[i + n] == 0) ++n;
        if (n > most) best = i, most = n;
    }
    std::string s;
    for (int i = 0; i < 8; ++i) {
        if (i == best) {
            s += "::", i += most - 1;
            continue;
        }
        char text[8];
        std::snprintf(text, sizeof text, "%x", group[i]);
        s += (s.empty() || s.ends_with(':') ? "" : ":") + std::string(text);
    }
    return s;
}

class Sockets {
public:
    Sockets(const sys::Snapshot& s, const sys::NetNamespace& ns, Inventory& into, bool udp)
        : s_(s), ns_(ns), into_(into), udp_(udp) {
        for (const auto& i : ns.inet_sockets)
            if (wanted(i)) by_ends_[ends(i)] = &i;
    }
    void see() {
        for (const auto& i : ns_.inet_sockets) {
            if (!wanted(i)) continue;
            const auto peer = i.remote.port != 0 ? by_ends_.find(turned(i)) : by_ends_.end();
            // Shown where its first end is met.
            if (peer != by_ends_.end() && peer->second < &i && by_ends_.at(ends(i)) == &i) continue;
            add(i, peer == by_ends_.end() || peer->second == &i ? nullptr : peer->second);
        }
    }

private:
    // What is left of a connection that was closed (TIME_WAIT) is nobody's any more.
    bool wanted(const sys::InetSocket& i) const noexcept {
        return i.udp == udp_ && (udp_ || i.ino != 0 || i.state == sys::state_established);
    }
    static std::string ends(const sys::InetSocket& i) {
        return end_text(i.local, i.v6) + (i.remote.port == 0 ? "" : " " + end_text(i.remote, i.v6));
    }
    static std::string turned(const sys::InetSocket& i) {
        return end_text(i.remote, i.v6) + " " + end_text(i.local, i.v6);
    }
    std::string use(const sys::InetSocket& i, const sys::InetSocket* peer) const {
        if (!udp_ && i.state == sys::state_listen)
            return "listens, backlog " + std::to_string(i.receive) + "/" + std::to_string(i.send);
        const auto queued = i.receive + i.send + (peer ? peer->receive + peer->send : 0);
        auto text = std::string(i.remote.port == 0                           ? "bound"
                                : !udp_ && i.state != sys::state_established ? "closing"
                                                                             : "connected");
        if (queued != 0) text += ", " + counted(queued, "byte") + " queued";
        return text;
    }
    // One that is not accepted yet is the kernel's alone and has no inode.
    void add_end(const sys::InetSocket& i, Item& item) const {
        if (i.ino == 0) return;
        add_open(s_, {s_.socket_dev, i.ino}, item);
        item.hidden_holders += s_.socket_at(i.ino).empty();
    }
    void add(const sys::InetSocket& i, const sys::InetSocket* peer) {
        Item item{.kind = udp_ ? "udp" : "tcp", .name = ends(i)};
        const auto other = turned(i);
        item.identity = PortIdentity{
            .net = ns_.ino, .ends = (udp_ ? "udp " : "tcp ") + (peer ? std::min(item.name, other) : item.name)};
        item.space = "net", item.ns = ns_.ino, item.own_ns = ns_.ino == s_.own.net;
        const bool open_to = udp_ || i.state == sys::state_listen;
        if (open_to && i.remote.port == 0 && item.own_ns) item.uri = std::string(item.kind) + "://" + item.name;
        item.uid = i.uid;
        item.use = use(i, peer);
        item.facts.emplace_back("listens", !udp_ && i.state == sys::state_listen);
        if (!udp_ && i.state == sys::state_listen) {
            item.facts.emplace_back("backlog", i.receive);
            item.facts.emplace_back("backlog_limit", i.send);
            if (i.send != 0 && i.receive > i.send) item.use += " FULL";
        }
        item.facts.emplace_back("local", end_text(i.local, i.v6));
        if (i.remote.port != 0) item.facts.emplace_back("remote", end_text(i.remote, i.v6));
        item.facts.emplace_back("loopback", peer != nullptr);
        add_end(i, item);
        if (peer) add_end(*peer, item);
        into_.items.push_back(std::move(item));
    }

    const sys::Snapshot& s_;
    const sys::NetNamespace& ns_;
    Inventory& into_;
    bool udp_;
    std::map<std::string, const sys::InetSocket*> by_ends_;
};

}  // namespace

std::string end_text(const sys::InetEnd& e, bool v6) {
    const auto port = ":" + std::to_string(e.port);
    if (v6 && !mapped(e)) return "[" + v6_text(e.address) + "]" + port;
    const auto* a = v6 ? e.address + 12 : e.address;
    char text[20];
    std::snprintf(text, sizeof text, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
    return text + port;
}

void see_inet(const sys::Snapshot& s, Inventory& into, bool udp) {
    for (const auto& ns : s.net) Sockets(s, ns, into, udp).see();
}

}  // namespace wye
