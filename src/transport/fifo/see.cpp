// FIFOs as `wye ls` shows them: those somebody has open or waits to open, and those that lie in the usual places. Two
// file systems may each have an inode of the same number: only with its device it is one FIFO.
#include "io/see.hpp"

#include "wye/transport/fifo.hpp"

#include <map>

namespace wye {
namespace {

struct Known {
    sys::FileFacts file;
    std::string name;
    std::uint64_t mnt;
};
using Fifos = std::map<sys::FileKey, Known>;

Fifos known(const sys::Snapshot& s) {
    Fifos all;
    for (const auto& f : s.places)
        if (f.file.is(sys::type_fifo)) all.try_emplace(f.file.key, Known{f.file, f.path, s.own.mnt});
    const auto is_fifo = [](const sys::FileFacts& f, const std::string& target) {
        return f.is(sys::type_fifo) && !target.starts_with("pipe:[");
    };
    for (const auto& h : held_files(s, is_fifo)) all.try_emplace(h.file.key, Known{h.file, h.target, h.process.ns.mnt});
    each_asleep(s, {sys::SleepsIn::open}, [&](const sys::SeenProcess& p, const sys::Blocked& b) {
        if (b.opening) all.try_emplace(b.opening->key, Known{*b.opening, b.path, p.ns.mnt});
    });
    return all;
}

void add_waiters(const sys::Snapshot& s, sys::FileKey key, Item& item) {
    each_asleep(s, {sys::SleepsIn::open}, [&](const sys::SeenProcess& p, const sys::Blocked& b) {
        if (b.opening && b.opening->key == key)
            item.waiters.push_back(waiter(p, b, (b.args[2] & 3) == 0 ? "open to read" : "open to write"));
    });
}

std::string use(const Item& item) {
    std::uint64_t readers = 0, writers = 0, openers = 0, to_read = 0;
    for (const auto& o : item.holders) readers += o.reads, writers += o.writes;
    for (const auto& w : item.waiters) ++openers, to_read += w.what == "open to read";
    auto text = counted(writers, "writer") + " to " + counted(readers, "reader");
    if (to_read != 0) text += ", " + counted(to_read, "reader") + " blocked in open";
    if (openers != to_read) text += ", " + counted(openers - to_read, "writer") + " blocked in open";
    return text;
}

}  // namespace

void see_fifos(const sys::Snapshot& s, Inventory& into) {
    for (auto& [key, k] : known(s)) {
        Item item{.kind = "fifo", .name = k.name, .identity = identity(key)};
        const bool deleted = take_deleted(k.name);
        item.space = "mnt", item.ns = k.mnt, item.own_ns = k.mnt == s.own.mnt;
        if (item.own_ns && !deleted && k.name.starts_with('/')) item.uri = "fifo:" + percent_encode(k.name);
        add_file(k.file, item);
        add_open(s, key, item);
        add_waiters(s, key, item);
        item.use = use(item);
        add_movers(s, key, item);
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
