// System V message queues as `wye ls` shows them. Nobody holds a queue: only who sleeps at it is seen, and
// who was last at its other end.
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
            each_asleep(s, {sys::SleepsIn::msgsnd, sys::SleepsIn::msgrcv}, [&](const auto& p, const auto& b) {
                if (p.ns.ipc != ns.ino || b.args[0] != static_cast<std::uint64_t>(r.id)) return;
                const bool sends = b.in == sys::SleepsIn::msgsnd;
                auto& w = item.waiters.emplace_back(waiter(p, b, sends ? "msgsnd" : "msgrcv"));
                w.last = sends ? last_user(s, r.last_receiver, r.received, w) : last_user(s, r.last_sender, r.sent, w);
            });
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
