// A unit given and taken by one thread: the cost of the calls, without the cost of waking somebody.
#include "wye/sync/sysv_semaphore.hpp"

#include <benchmark/benchmark.h>
#include <sys/sem.h>
#include <unistd.h>

namespace {

using namespace wye;

/// A set of this process; System V has no name to drop early, so it goes at the end.
struct Fixture {
    std::int32_t key = 0x77000000 | (::getpid() & 0xffffff);
    SysvSemaphore s = or_throw(SysvSemaphore::open(key, {.create = Create::exclusive, .initial = 0}));
    ~Fixture() { (void)s.remove(); }
};

void raw(benchmark::State& state) {
    const Fixture f;
    sembuf post{0, 1, 0}, wait{0, -1, 0};
    for (auto _ : state)
        if (::semop(f.s.id(), &post, 1) != 0 || ::semop(f.s.id(), &wait, 1) != 0) return state.SkipWithError("semop");
}

template <class S>
void ours(benchmark::State& state, S& s) {
    for (auto _ : state)
        if (!s.post() || !s.wait()) return state.SkipWithError("post, wait");
}

void concrete(benchmark::State& state) {
    Fixture f;
    ours(state, f.s);
}

void channel(benchmark::State& state) {
    const Fixture f;
    Semaphore s(f.s);
    ours(state, s);
}

void raw_undo(benchmark::State& state) {
    const Fixture f;
    sembuf post{0, 1, 0}, take{0, -1, SEM_UNDO}, give{0, 1, SEM_UNDO};
    (void)::semop(f.s.id(), &post, 1);
    for (auto _ : state)
        if (::semop(f.s.id(), &take, 1) != 0 || ::semop(f.s.id(), &give, 1) != 0) return state.SkipWithError("semop");
}

void permit(benchmark::State& state) {
    Fixture f;
    (void)f.s.post();
    for (auto _ : state)
        if (!f.s.acquire()) return state.SkipWithError("acquire");
}

const bool registered = [] {
    benchmark::RegisterBenchmark("raw/sysv-sem/0", raw);
    benchmark::RegisterBenchmark("wye/sysv-sem/0", concrete);
    benchmark::RegisterBenchmark("channel/sysv-sem/0", channel);
    benchmark::RegisterBenchmark("raw/sysv-sem-permit/0", raw_undo);
    benchmark::RegisterBenchmark("wye/sysv-sem-permit/0", permit);
    return true;
}();

}  // namespace
