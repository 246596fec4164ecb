// A unit given and taken by one thread: no system call on either side.
#include "wye/registry/open.hpp"
#include "wye/sync/posix_semaphore.hpp"

#include <benchmark/benchmark.h>
#include <semaphore.h>
#include <unistd.h>

#include <string>

namespace {

using namespace wye;

/// One without a name: it goes with the process.
PosixSemaphore nameless(sem_t** raw = nullptr) {
    const auto name = "/wye-bench-" + std::to_string(::getpid());
    auto s = or_throw(PosixSemaphore::open(name, {.create = Create::exclusive, .initial = 0}));
    if (raw) *raw = ::sem_open(name.c_str(), 0);
    (void)wye::remove("posix-sem:" + name);
    return s;
}

void raw(benchmark::State& state) {
    sem_t* s = nullptr;
    const auto keep = nameless(&s);
    for (auto _ : state)
        if (::sem_post(s) != 0 || ::sem_wait(s) != 0) return state.SkipWithError("sem_post, sem_wait");
    ::sem_close(s);
}

template <class S>
void ours(benchmark::State& state, S& s) {
    for (auto _ : state)
        if (!s.post() || !s.wait()) return state.SkipWithError("post, wait");
}

void concrete(benchmark::State& state) {
    auto s = nameless();
    ours(state, s);
}

void channel(benchmark::State& state) {
    Semaphore s(nameless());
    ours(state, s);
}

const bool registered = [] {
    benchmark::RegisterBenchmark("raw/posix-sem/0", raw);
    benchmark::RegisterBenchmark("wye/posix-sem/0", concrete);
    benchmark::RegisterBenchmark("channel/posix-sem/0", channel);
    return true;
}();

}  // namespace
