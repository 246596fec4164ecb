// Unix sockets as `wye ls` shows them, and socket files that nobody is bound to.
#include "wye/transport/unix.hpp"

#include "io/see_unix.hpp"

namespace wye {
namespace {

// Paths of sockets that are in no network namespace that was seen.
void see_paths(const sys::Snapshot& s, Inventory& into) {
    std::set<sys::FileKey> bound;
    std::size_t seen = 0;
    for (const auto& ns : s.net) {
        seen += ns.seen;
        for (const auto& u : ns.unix_sockets)
            if (u.file.ino != 0) bound.insert(u.file);
    }
    for (const auto& f : s.places) {
        if (!f.file.is(sys::type_socket) || bound.contains(f.file.key)) continue;
        Item item{
            .kind = "unix", .name = f.path, .uri = "unix:" + percent_encode(f.path), .identity = identity(f.file.key)};
        item.space = "mnt", item.ns = s.own.mnt;
        add_file(f.file, item);
        item.use = "nobody is bound in " + std::to_string(seen) + "/" + std::to_string(s.net.size()) + " netns";
        item.facts.emplace_back("listens", false);
        into.items.push_back(std::move(item));
    }
}

}  // namespace

void see_unix_sockets(const sys::Snapshot& s, Inventory& into) {
    see_unix(s, into, false);
    see_paths(s, into);
}

}  // namespace wye
