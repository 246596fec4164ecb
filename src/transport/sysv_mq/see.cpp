// System V message queues as `wye ls` shows them. Nobody holds a queue: only who sleeps at it is seen.
#include "io/see.hpp"

#include "wye/transport/sysv_mq.hpp"

namespace wye {

void see_sysv_mqs(const sys::Snapshot& s, Inventory& into) {
    for (const auto& ns : s.ipc)
        for (const auto& r : ns.msg) {
            Item item{.kind = "sysv-mq"};
            add_sysv(r, s, ns, item);
            item.size = r.bytes;
            item.use = counted(r.messages, "message");
            item.facts.emplace_back("messages", r.messages);
            if (r.last_sender > 0) item.facts.emplace_back("last_sender", static_cast<std::uint64_t>(r.last_sender));
            if (r.last_receiver > 0)
                item.facts.emplace_back("last_receiver", static_cast<std::uint64_t>(r.last_receiver));
            item.facts.emplace_back("sent", static_cast<std::uint64_t>(r.sent));
            item.facts.emplace_back("received", static_cast<std::uint64_t>(r.received));
            each_blocked(s, [&](const auto& p, const auto& b) {
                const bool sends = b.in == sys::SleepsIn::msgsnd;
                if ((sends || b.in == sys::SleepsIn::msgrcv) && p.ns.ipc == ns.ino &&
                    b.args[0] == static_cast<std::uint64_t>(r.id))
                    item.waiters.push_back(waiter(p, b, sends ? "msgsnd" : "msgrcv"));
            });
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
