// Every scenario; without a fault, or (--mutant) with one that some scenario must see.
#include "ring_model/broadcast.hpp"
#include "ring_model/litmus.hpp"
#include "ring_model/loans.hpp"
#include "ring_model/queue.hpp"
#include "ring_model/sleep.hpp"
#include "ring_model/stream.hpp"

#include <cstdio>
#include <cstring>
#include <string_view>

namespace wye {

namespace {

using model::Bounds;

template <class S>
model::Scenario* make() {
    return new S;
}

struct Case {
    const char* name;
    model::Make make;
    Bounds bounds;
    bool faulty = false;  // the explorer must find something here
};

constexpr auto rel = std::memory_order_release, acq = std::memory_order_acquire, rlx = std::memory_order_relaxed;
constexpr auto both = std::memory_order_acq_rel, full = std::memory_order_seq_cst;

const Case litmus[] = {
    {"litmus: message passing", make<model::MessagePassing<rel, acq>>, {}},
    {"litmus: message passing, relaxed store", make<model::MessagePassing<rlx, acq>>, {}, true},
    {"litmus: message passing, relaxed load", make<model::MessagePassing<rel, rlx>>, {}, true},
    {"litmus: store buffering", make<model::StoreBuffering<full>>, {}},
    {"litmus: store buffering, weaker fences", make<model::StoreBuffering<both>>, {}, true},
    {"litmus: a plain read beside a store", make<model::ReadWhileWritten>, {}, true},
    {"litmus: dies between two stores", make<model::DiesBetween>, {.deaths = 1}, true},
    {"litmus: waits for nobody", make<model::WaitsForNobody>, {}, true},
};

const Case ring_cases[] = {
    {"stream: across the end, numbers that wrap", make<model::StreamAcrossTheEnd>, {}},
    {"stream: over a record", make<model::StreamOverRecord>, {}},
    {"stream: the writer dies", make<model::StreamWriterDies>, {.threads = 3, .deaths = 1}},
    {"stream: the reader dies", make<model::StreamReaderDies>, {.threads = 3, .deaths = 1}},
    {"broadcast: overrun, counted", make<model::BroadcastOverrun>, {}},
    {"broadcast: the writer dies", make<model::BroadcastWriterDies>, {.threads = 3, .deaths = 1}},
    {"broadcast: joining while it writes", make<model::JoinWhileWriting<0>>, {}},
    {"broadcast: joining, with history", make<model::JoinWhileWriting<2>>, {}},
    {"broadcast: a reader that is waited for dies", make<model::JoinedReaderDies>, {.threads = 3, .deaths = 1}},
    {"broadcast: every checkpoint torn", make<model::CheckpointsTorn>, {.threads = 1, .all = 1, .random = 0}},
    {"queue: a producer, two workers", make<model::QueueTwoWorkers>, {.threads = 3}},
    {"queue: once round the lane", make<model::QueueRound>, {.threads = 3}},
    {"queue: a worker dies", make<model::QueueWorkerDies>, {.deaths = 1}},
    {"queue: repaired beside a third worker", make<model::QueueRepairBesideTaking>, {.threads = 3, .deaths = 1}},
    {"queue: a worker dies with a run", make<model::QueueRunDies>, {.deaths = 1}},
    {"queue: a run repaired beside a third worker",
     make<model::QueueRunRepairBesideTaking>,
     {.threads = 3, .deaths = 1}},
    {"queue: jobs given back", make<model::QueueGiveBack>, {.threads = 3}},
    {"loans: of a reader that is not waited for", make<model::Loans<false>>, {}},
    {"loans: of a reader that is waited for", make<model::Loans<true>>, {}},
    {"sleep: a stream, both ways", make<model::StreamAsleep>, {}},
    {"sleep: the writer dies before it rings", make<model::WakerDies>, {.deaths = 1}},
    {"sleep: two sleepers, two wakers", make<model::TwoSleepers>, {.threads = 4}},
    {"sleep: workers", make<model::WorkersAsleep>, {.threads = 3}},
};

bool holds(const Case& c, bool telling) {
    const auto o = model::explore(c.make, c.bounds);
    const bool right = o.fault.empty() != c.faulty;
    if (!telling) return right;
    std::printf("%-6s %s: %llu runs%s%s%s\n", right ? "ok" : "FAILED", c.name, static_cast<unsigned long long>(o.runs),
                o.whole ? ", all within the bounds" : "", o.fault.empty() ? "" : ": ", o.fault.c_str());
    if (!right && std::getenv("WYE_TRACE")) std::printf("%s", o.trace.c_str());
    return right;
}

// A build with a fault: caught when some scenario does not hold.
int mutant(std::string_view scenarios) {
    for (const auto& c : ring_cases) {
        if (!std::string_view(c.name).starts_with(scenarios)) continue;
        if (const auto o = model::explore(c.make, c.bounds); !o.fault.empty()) {
            std::printf("caught by \"%s\", run %llu: %s\n", c.name, static_cast<unsigned long long>(o.runs),
                        o.fault.c_str());
            return 0;
        }
    }
    std::printf("not caught\n");
    return 1;
}

}  // namespace
}  // namespace wye

int main(int argc, char** argv) {
    if (argc > 2 && std::strcmp(argv[1], "--mutant") == 0) return wye::mutant(argv[2]);
    const char* only = argc > 1 ? argv[1] : "";
    bool right = true;
    for (const auto& c : wye::litmus)
        if (std::strstr(c.name, only)) right &= wye::holds(c, true);
    for (const auto& c : wye::ring_cases)
        if (std::strstr(c.name, only)) right &= wye::holds(c, true);
    return right ? 0 : 1;
}
