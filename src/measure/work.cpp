#include "measure/work.hpp"

#include "measure/clock.hpp"
#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

constexpr auto either = static_cast<Shape>(duel | fan);

constexpr std::array all{
    Workload{"latency", "to and fro, one way: half of it", duel, latency},
    Workload{"rate", "at a fixed rate, from the moment when it should have been sent", duel, rate},
    Workload{"wakeup", "one that sleeps, after a pause", duel, wakeup},
    Workload{"wakeup:many", "all who sleep on one channel, after a pause: until the last runs", fan, many_woken},
    Workload{"throughput", "one way, as fast as it goes", duel, throughput, true},
    Workload{"throughput:batch", "likewise, several in a call", duel, batched, true, batches},
    Workload{"fanout", "one tells many", fan, fan_out, true},
    Workload{"queue", "each message to one of many", queue, work_queue, true},
    Workload{"request", "a question and its answer", request, request_reply},
    Workload{"request:flight", "several questions on their way at once", request, several_asked, true, flights},
    Workload{"request:answer", "64 bytes are asked, and the answer is of that size", request, long_answer, false,
             answers},
    Workload{"idle", "nobody says anything: cost a second", duel, idle, false, 0, true},
    Workload{"open", "from nothing to the first message", duel, open_and_first},
    Workload{"open:attach", "an end of a channel that another has open", duel, attach, false, comes_again},
    Workload{"open:history", "who comes late has the last so many messages", either, history, false, recalls},
    Workload{"loan", "memory lent, given away and let go again", duel, loan, false, lends},
    Workload{"loan:worn", "a loan after many of all sizes", duel, worn_loan, false, lends},
    Workload{"crash", "the other is killed: until who waits for it is told", duel, crash},
    Workload{"crash:sender", "who sends is killed: until a new one's first message is there", duel, sender_killed},
    Workload{"crash:sender:zombie", "likewise, and nobody looks after the dead one", duel, sender_zombie},
    Workload{"crash:sender:user", "likewise, who sends is another user's", duel, sender_of_user},
    Workload{"crash:sender:pidns", "likewise, in a pid namespace of its own", duel, sender_in_pidns},
    Workload{"crash:sender:stopped", "who sends is stopped for 50 ms: until messages flow again", duel, sender_stopped},
    Workload{"crash:receiver", "who receives is killed: until a new one has a new message", duel, receiver_killed},
    Workload{"crash:receiver:zombie", "likewise, and nobody looks after the dead one", duel, receiver_zombie},
    Workload{"crash:receiver:user", "likewise, who receives is another user's", duel, receiver_of_user},
    Workload{"crash:receiver:pidns", "likewise, in a pid namespace of its own", duel, receiver_in_pidns},
    Workload{"crash:receiver:stopped", "who receives is stopped for 50 ms: until messages flow again", duel,
             receiver_stopped},
    Workload{"growth", "what one more subscriber costs", fan, growth, true},
    Workload{"growth:channels", "channels side by side: what one of them has", duel, channels, false, several, true},
    Workload{"alone", "both ends in one process, which sends to itself", duel, alone},
    Workload{"crowd", "a queue with four workers a processor", queue, work_queue, true},
    Workload{"video", "24 MB sixty times a second to three", fan, fan_out},
};

}  // namespace

std::span<const Workload> workloads() noexcept { return all; }

const Workload* find_workload(std::string_view name) noexcept {
    const auto at = std::ranges::find(all, name, &Workload::name);
    return at == all.end() ? nullptr : &*at;
}

Taken run(const Work& w, Means& m) {
    const auto* load = find_workload(w.workload);
    if (!load) throw std::runtime_error("unknown workload: " + w.workload);
    if (!(m.shapes & load->shape)) throw std::runtime_error(m.name + " does no " + w.workload);
    if (load->needs & ~m.can) throw std::runtime_error(m.name + " does no " + w.workload);
    if (m.largest && w.size > m.largest)
        throw std::runtime_error("messages of up to " + std::to_string(m.largest) + " bytes");
    if (w.parties < 2 || w.parties > Board::most + 1) throw std::runtime_error("2 to 65 processes");
    if (w.poll && !(load->shape == request ? w.workload == "request" && (m.can & looks) : m.polls))
        throw std::runtime_error("cannot look again and again");
    m.at_once = load->needs & batches ? w.at_once : 0;
    m.history = load->needs & recalls ? std::max<std::uint64_t>(w.at_once, 1) : 0;
    m.size = load->shape & (fan | queue) ? std::max(w.size, sizeof(Stamp)) : w.size;
    Taken t;
    trouble_of_another().clear();
    (void)ns_a_tick();  // found out here, and by no process while it measures
    try {
        load->run(w, m, t);
    } catch (const std::exception&) {
        if (trouble_of_another().empty()) throw;
        throw std::runtime_error(trouble_of_another());
    }
    return t;
}

}  // namespace wye::measure
