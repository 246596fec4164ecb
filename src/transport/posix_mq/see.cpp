// POSIX message queues as `wye ls` shows them, of every IPC namespace.
#include "io/see.hpp"

#include "wye/transport/posix_mq.hpp"

namespace wye {
namespace {

// A queue is waited at through a descriptor.
void add_waiters(const sys::Snapshot& s, sys::FileKey key, Item& item) {
    for (const auto use : s.asleep_at(key)) {
        const auto& b = s.sleeper(use);
        const bool sends = b.in == sys::SleepsIn::mq_send;
        if (sends || b.in == sys::SleepsIn::mq_receive)
            item.waiters.push_back(waiter(s.processes[use.process], b, sends ? "mq_send" : "mq_receive"));
    }
}

}  // namespace

void see_posix_mqs(const sys::Snapshot& s, Inventory& into) {
    for (const auto& ns : s.ipc)
        for (const auto& q : ns.queues) {
            Item item{.kind = "posix-mq", .name = "/" + q.path, .identity = identity(q.file.key)};
            add_file(q.file, item);
            item.size.reset(), item.allocated.reset();  // of the text that reading the file gives
            item.space = "ipc", item.ns = ns.ino, item.own_ns = ns.ino == s.own.ipc;
            if (item.own_ns) item.uri = "posix-mq:" + percent_encode(item.name);
            if (q.depth != 0) {
                item.use = std::to_string(q.messages) + " of " + counted(q.depth, "message");
                item.facts.emplace_back("messages", q.messages);
                item.facts.emplace_back("depth", q.depth);
                item.facts.emplace_back("message_size", q.size);
            }
            add_open(s, q.file.key, item);
            add_waiters(s, q.file.key, item);
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
