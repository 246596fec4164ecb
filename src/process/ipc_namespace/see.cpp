// IPC namespaces that no process is in, as `wye ls` shows them: a mount keeps them, or a descriptor, with all that is
// in them.
#include "io/see.hpp"

namespace wye {

void see_ipc_namespaces(const sys::Snapshot& s, Inventory& into) {
    for (const auto& ns : s.ipc) {
        if (!ns.empty) continue;
        Item item{.kind = "ipc-namespace", .name = ns.way.empty() ? "ipc:[" + std::to_string(ns.ino) + "]" : ns.way};
        item.identity = SysvIdentity{.ipc = ns.ino, .id = -1};
        item.space = "ipc", item.ns = ns.ino, item.own_ns = false;
        item.use = counted(ns.shm.size(), "segment") + ", " + counted(ns.sem.size(), "set") + ", " +
                   counted(ns.msg.size() + ns.queues.size(), "queue");
        for (const auto& p : s.processes)
            for (const auto& f : p.fds)
                if (f.file.key == sys::FileKey{s.namespace_dev, ns.ino})  // opened at a mount it has that name
                    item.holders.push_back(holder(p, "fd")), item.holders.back().fd = f.fd;
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
