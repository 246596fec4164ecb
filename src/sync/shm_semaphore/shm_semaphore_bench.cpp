// A permit taken and given back with nobody else about.
#include "wye/sync/shm_semaphore.hpp"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace {

using namespace wye;

struct Made {
    std::string name = "bench-" + std::to_string(::getpid());
    ShmSemaphore s = or_throw(ShmSemaphore::open(name, {{.create = Create::exclusive}}));
    ~Made() { (void)shm_semaphore_mechanism.remove(or_throw(Uri::parse("shm-sem:" + name)), {}); }
};

// What no semaphore can do without: one swap to take, one to give.
void raw(benchmark::State& state) {
    std::atomic<std::uint32_t> word{0};
    for (auto _ : state) {
        std::uint32_t none = 0, one = 1;
        if (!word.compare_exchange_strong(none, 1) || !word.compare_exchange_strong(one, 0)) std::abort();
        benchmark::DoNotOptimize(word);
    }
}

template <class S>
void ours(benchmark::State& state, S& s) {
    for (auto _ : state) {
        auto p = s.acquire(Deadline::never());
        if (!p) std::abort();
        benchmark::DoNotOptimize(p);
    }
}

void concrete(benchmark::State& state) {
    Made made;
    ours(state, made.s);
}

void front(benchmark::State& state) {
    Made made;
    Semaphore s(std::move(made.s));
    ours(state, s);
}

const bool registered = [] {
    benchmark::RegisterBenchmark("raw/shm-sem/0", raw);
    benchmark::RegisterBenchmark("wye/shm-sem/0", concrete);
    benchmark::RegisterBenchmark("channel/shm-sem/0", front);
    return true;
}();

}  // namespace
