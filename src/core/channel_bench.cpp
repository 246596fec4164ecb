// What the erased Channel adds to a call, on an endpoint that makes no system call, so that nothing hides it.
#include "wye/core/channel.hpp"

#include <benchmark/benchmark.h>

#include <cstring>
#include <string>

namespace {

using namespace wye;

struct Slot {
    static constexpr Traits traits{.scheme = "slot", .name = "a place in memory"};
    Result<> send(Bytes b, Deadline = Deadline::never()) {
        std::memcpy(place, b.data(), size = b.size());
        return {};
    }
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never()) {
        std::memcpy(into.data(), place, size);
        return into.first(size);
    }
    std::byte place[4096];
    std::size_t size = 0;
};

template <class E>
void through(benchmark::State& state, E endpoint, std::size_t size) {
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(size);
    for ([[maybe_unused]] auto _ : state) {
        if (!endpoint.send(message)) return state.SkipWithError("send");
        benchmark::ClobberMemory();
        if (!endpoint.recv(room)) return state.SkipWithError("recv");
        benchmark::DoNotOptimize(room.data());
    }
}

const bool registered = [] {
    for (const auto size : {std::size_t{64}, std::size_t{4096}}) {
        const auto n = "/memory/" + std::to_string(size);
        for (const char* plain : {"raw", "wye"})
            benchmark::RegisterBenchmark((plain + n).c_str(),
                                         [size](benchmark::State& s) { through(s, Slot{}, size); });
        benchmark::RegisterBenchmark(("channel" + n).c_str(),
                                     [size](benchmark::State& s) { through(s, Channel(Slot{}), size); });
    }
    return true;
}();

}  // namespace
