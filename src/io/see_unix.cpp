// Unix sockets as `wye ls` shows them: what is bound to a name, and each connection. A path is what its server called
// it then; whether the file there is still it, the inode says.
#include "io/see_unix.hpp"

#include <map>

namespace wye {
namespace {

constexpr std::uint8_t stream = 1, dgram = 2;

std::string_view type_name(std::uint8_t type) {
    return type == stream ? "stream" : type == dgram ? "dgram" : "seqpacket";
}

class Sockets {
public:
    Sockets(const sys::Snapshot& s, const sys::NetNamespace& ns, Inventory& into, bool pairs)
        : s_(s), ns_(ns), into_(into), pairs_(pairs) {
        for (const auto& u : ns.unix_sockets) {
            by_ino_[u.ino] = &u;
            for (const auto client : u.waiting) waiting_[client] = &u;
        }
        for (const auto& f : s.places) by_file_[f.file.key] = &f;
    }
    // A connection is shown once, where its lower end is met.
    void see() {
        for (const auto& u : ns_.unix_sockets) {
            const auto peer = by_ino_.find(u.peer);
            const bool both = peer != by_ino_.end() && peer->second->peer == u.ino;
            if (both && u.ino <= u.peer && pairs_ == (u.name.empty() && peer->second->name.empty()))
                connection(u, *peer->second);
            if (!both && !pairs_) single(u);
        }
    }

private:
    Item start(std::string_view kind, const sys::UnixSocket& u) const {
        Item item{.kind = kind};
        item.identity = SocketIdentity{.net = ns_.ino, .cookie = u.cookie};
        item.space = "net", item.ns = ns_.ino, item.own_ns = ns_.ino == s_.own.net;
        item.uid = u.uid;
        item.facts.emplace_back("type", std::string(type_name(u.type)));
        item.facts.emplace_back("inode", u.ino);
        return item;
    }
    void add_end(const sys::UnixSocket& u, Item& item) const {
        add_open(s_, {s_.socket_dev, u.ino}, item);
        if (s_.socket_at(u.ino).empty()) ++item.hidden_holders;  // somebody has it, or it is in flight
        std::uint64_t flying = 0;                                // all who share the socket tell the same
        for (const auto use : s_.socket_at(u.ino)) flying = std::max(flying, s_.fd(use).info.in_flight);
        if (flying != 0) item.facts.emplace_back("descriptors_in_flight", flying);
        if (flying != 0) item.use += ", " + counted(flying, "descriptor") + " in flight";
    }
    // Abstract names are shown as ss(8) shows them: @name.
    static std::string shown(const sys::UnixSocket& u) {
        if (!u.name.empty() && u.name[0] == 0) return "@" + u.name.substr(1);
        return u.name;
    }
    void name_of(const sys::UnixSocket& u, Item& item) const {
        item.name = shown(u);
        if (item.name.empty()) item.name = "socket:[" + std::to_string(u.ino) + "]";
        if (u.name.empty()) return;
        if (u.name[0] == 0) {
            if (item.own_ns) item.uri = "unix:" + percent_encode(item.name);
            return;
        }
        if (u.file.ino != 0) item.file = identity(u.file);
        // The name may have been given away since, or the file renamed.
        if (const auto f = by_file_.find(u.file); f != by_file_.end()) {
            if (f->second->path != u.name) item.facts.emplace_back("bound_as", u.name);
            item.name = f->second->path;
            item.mode = f->second->file.mode & 07777, item.changed = f->second->file.changed;
        }
        if (item.name.starts_with('/')) item.uri = "unix:" + percent_encode(item.name);
    }
    void single(const sys::UnixSocket& u) {
        auto item = start("unix", u);
        const auto client = by_ino_.find(u.peer);
        const auto server = waiting_.find(u.ino);
        name_of(server != waiting_.end() && u.name.empty() ? *server->second : u, item);
        if (server != waiting_.end()) item.uri.clear(), item.file.reset();
        if (server != waiting_.end()) {
            item.use = "connected, not accepted yet";
        } else if (u.state == sys::state_listen) {
            item.use = "listens, backlog " + std::to_string(u.receive) + "/" + std::to_string(u.send);
            if (u.send != 0 && u.receive > u.send) item.use += " FULL";
            item.facts.emplace_back("backlog", u.receive);
            item.facts.emplace_back("backlog_limit", u.send);
        } else if (u.peer != 0) {
            item.use = client != by_ino_.end() ? "sends to " + shown(*client->second) : "its peer is not seen";
        } else {
            item.use = u.name.empty() ? "not connected" : "bound";
        }
        item.facts.emplace_back("listens", u.state == sys::state_listen);
        add_end(u, item);
        into_.items.push_back(std::move(item));
    }
    void connection(const sys::UnixSocket& a, const sys::UnixSocket& b) {
        const auto& named = a.name.empty() ? b : a;
        auto item = start(pairs_ ? "socketpair" : "unix", a);
        name_of(named, item);
        item.uri.clear();  // it opens another connection
        item.use = "connected";
        item.facts.emplace_back("peer_inode", b.ino);
        add_end(a, item);
        if (&a != &b) add_end(b, item);
        into_.items.push_back(std::move(item));
    }

    const sys::Snapshot& s_;
    const sys::NetNamespace& ns_;
    Inventory& into_;
    bool pairs_;  // only those without a name at either end, or only the others
    std::map<std::uint64_t, const sys::UnixSocket*> by_ino_;
    std::map<std::uint64_t, const sys::UnixSocket*> waiting_;  // clients that have not been accepted, and by whom
    std::map<sys::FileKey, const sys::Found*> by_file_;
};

}  // namespace

void see_unix(const sys::Snapshot& s, Inventory& into, bool pairs) {
    for (const auto& ns : s.net) Sockets(s, ns, into, pairs).see();
}

}  // namespace wye
