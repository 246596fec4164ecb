// One thread sends and receives: the cost of a call, without the cost of waking somebody.
#include "wye/registry/open.hpp"
#include "wye/transport/posix_mq.hpp"

#include "receive.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <mqueue.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

using namespace wye;
using bench::By;

// The name goes at once; the queue lives as long as its descriptor.
PosixMq queue() {
    const auto name = "/wye-bench-" + std::to_string(::getpid());
    auto q = or_throw(PosixMq::open(name, {.create = Create::exclusive}));
    or_throw(wye::remove("posix-mq:" + name));
    return q;
}

void done(benchmark::State& state, std::size_t size) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.SetItemsProcessed(state.iterations());
}

void raw(benchmark::State& state, std::size_t size) {
    const auto q = queue();
    const std::vector<char> message(size, 'x');
    std::vector<char> room(q.max_message());
    for (auto _ : state) {
        if (::mq_send(q.native_handle(), message.data(), size, 0) != 0 ||
            ::mq_receive(q.native_handle(), room.data(), room.size(), nullptr) != static_cast<ssize_t>(size))
            return state.SkipWithError("mq_send, mq_receive");
        benchmark::DoNotOptimize(room.data());
    }
    done(state, size);
}

template <By by, class Q>
void ours(benchmark::State& state, Q q, std::size_t size) {
    const std::vector<std::byte> message(size, std::byte{'x'});
    std::vector<std::byte> room(q.max_message());
    for (auto _ : state) {
        if (!q.send(message)) return state.SkipWithError("send");
        const auto got = bench::receive<by>(q, room);
        if (!got || got->size() != size) return state.SkipWithError("recv");
        benchmark::DoNotOptimize(got->data());
    }
    done(state, size);
}

const bool registered = [] {
    for (const std::size_t size : {64u, 4096u}) {
        const auto tail = "/posix-mq/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw" + tail).c_str(), [=](benchmark::State& s) { raw(s, size); });
        benchmark::RegisterBenchmark(("wye" + tail).c_str(),
                                     [=](benchmark::State& s) { ours<By::recv>(s, queue(), size); });
        benchmark::RegisterBenchmark(("view" + tail).c_str(),
                                     [=](benchmark::State& s) { ours<By::view>(s, queue(), size); });
        benchmark::RegisterBenchmark(("channel" + tail).c_str(),
                                     [=](benchmark::State& s) { ours<By::recv>(s, Channel(queue()), size); });
    }
    return true;
}();

}  // namespace
