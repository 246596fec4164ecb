// One thread sends and receives: the cost of a call, without the cost of waking somebody.
#include "wye/transport/sysv_mq.hpp"

#include "receive.hpp"

#include <benchmark/benchmark.h>
#include <sys/msg.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

namespace {

using namespace wye;
using bench::By;

/// A queue of this process; System V has no name to drop early, so it goes at the end.
struct Queue {
    std::int32_t key = 0x77000000 | (::getpid() & 0xffffff);
    SysvMq q = or_throw(SysvMq::open(key, {.create = Create::exclusive}));
    ~Queue() { (void)q.remove(); }
};

void done(benchmark::State& state, std::size_t size) {
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.SetItemsProcessed(state.iterations());
}

// The type is in its place already, before the text: what a careful C program does. With `handed` the text comes from
// and ends in a place of its own, as with send() and recv(): the kernel wants both in one.
void raw(benchmark::State& state, std::size_t size, bool handed) {
    const Queue queue;
    std::vector<char> message(sizeof(long) + size, 'x'), room(sizeof(long) + queue.q.max_message());
    const long type = 1;
    std::memcpy(message.data(), &type, sizeof type);
    const std::vector<char> text(size, 'x');
    std::vector<char> place(size);
    for (auto _ : state) {
        if (handed) std::memcpy(message.data() + sizeof type, text.data(), size);
        if (::msgsnd(queue.q.id(), message.data(), size, 0) != 0 ||
            ::msgrcv(queue.q.id(), room.data(), room.size() - sizeof(long), 0, 0) != static_cast<ssize_t>(size))
            return state.SkipWithError("msgsnd, msgrcv");
        if (handed) std::memcpy(place.data(), room.data() + sizeof type, size);
        benchmark::DoNotOptimize(room.data());
        benchmark::DoNotOptimize(place.data());
        benchmark::ClobberMemory();
    }
    done(state, size);
}

template <By by, class Q>
void ours(benchmark::State& state, Q& q, std::size_t size) {
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

template <By by>
void concrete(benchmark::State& state, std::size_t size) {
    Queue queue;
    ours<by>(state, queue.q, size);
}

void channel(benchmark::State& state, std::size_t size) {
    Queue queue;
    Channel c(std::move(queue.q));
    ours<By::recv>(state, c, size);
}

const bool registered = [] {
    for (const std::size_t size : {64u, 4096u}) {
        const auto tail = "/sysv-mq/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw" + tail).c_str(), [=](benchmark::State& s) { raw(s, size, false); });
        benchmark::RegisterBenchmark(("handed" + tail).c_str(), [=](benchmark::State& s) { raw(s, size, true); });
        benchmark::RegisterBenchmark(("wye" + tail).c_str(), [=](benchmark::State& s) { concrete<By::recv>(s, size); });
        benchmark::RegisterBenchmark(("view" + tail).c_str(),
                                     [=](benchmark::State& s) { concrete<By::view>(s, size); });
        benchmark::RegisterBenchmark(("channel" + tail).c_str(), [=](benchmark::State& s) { channel(s, size); });
    }
    return true;
}();

}  // namespace
