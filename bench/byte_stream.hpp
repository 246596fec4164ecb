// What the benches of the byte-stream rooms share: one thread, send and then recv, against the same bytes moved by bare
// calls.
#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/framing.hpp"

#include "receive.hpp"

#include <benchmark/benchmark.h>
#include <sys/uio.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

namespace wye::bench {

/// What a hand-written program would do for the same bytes on the wire, in the same number of writes. The message stays
/// where it was read to; with `handed` it ends whole in a place of its own, as recv() promises.
inline void raw_pipe(benchmark::State& state, int in, int out, std::size_t size, bool handed) {
    const std::vector<std::byte> message(size, std::byte{'x'});
    std::vector<std::byte> room(64 * 1024), place(size);
    const std::uint64_t tag = 1;
    constexpr std::size_t head = FrameHeader::size + FrameHeader::tag_size, piece = PIPE_BUF - head;
    for (auto _ : state) {
        std::size_t wire = 0;
        if (size + FrameHeader::size <= PIPE_BUF) {
            const auto header = FrameHeader{.length = static_cast<std::uint32_t>(size)}.encode();
            const iovec v[] = {{const_cast<std::byte*>(header.data()), header.size()},
                               {const_cast<std::byte*>(message.data()), size}};
            wire = FrameHeader::size + size;
            if (::writev(out, v, 2) != static_cast<ssize_t>(wire)) std::abort();
        } else {
            for (std::size_t at = 0; at < size; at += piece) {
                const auto n = std::min(piece, size - at);
                const auto header =
                    FrameHeader{.length = static_cast<std::uint32_t>(n), .more = at + n < size, .continued = at > 0}
                        .encode();
                const iovec v[] = {{const_cast<std::byte*>(header.data()), header.size()},
                                   {const_cast<std::uint64_t*>(&tag), sizeof tag},
                                   {const_cast<std::byte*>(message.data()) + at, n}};
                wire += FrameHeader::size + FrameHeader::tag_size + n;
                if (::writev(out, v, 3) < 0) std::abort();
            }
        }
        for (std::size_t got = 0; got < wire;) {
            const auto n = ::read(in, room.data(), room.size());
            if (n <= 0) std::abort();
            got += static_cast<std::size_t>(n);
        }
        if (handed && size + FrameHeader::size <= PIPE_BUF)
            copy_bytes(place.data(), room.data() + FrameHeader::size, size);
        else if (handed)
            for (std::size_t at = 0, from = 0; at < size; at += piece, from += PIPE_BUF)
                copy_bytes(place.data() + at, room.data() + from + head, std::min(piece, size - at));
        benchmark::DoNotOptimize(room.data());
        benchmark::DoNotOptimize(place.data());
        benchmark::ClobberMemory();
    }
}

/// The same by the concrete classes, or by a Channel.
template <By by, class Reader, class Writer>
void ours(benchmark::State& state, Reader reader, Writer writer, std::size_t size) {
    const std::vector<std::byte> message(size, std::byte{'x'});
    std::vector<std::byte> room(size);
    for (auto _ : state) {
        if (!writer.send(message, Deadline::never())) std::abort();
        const auto got = receive<by>(reader, room);
        if (!got || got->size() != size) std::abort();
        benchmark::DoNotOptimize(got->data());
    }
}

/// Registers raw/ROOM/SIZE, handed/ROOM/SIZE, wye/ROOM/SIZE, view/ROOM/SIZE and channel/ROOM/SIZE; `make()` answers a
/// {reader, writer} of its own each time.
template <class Make>
int register_stream(const std::string& room, Make make) {
    for (const auto size : {std::size_t{64}, std::size_t{4096}}) {
        const auto tail = "/" + room + "/" + std::to_string(size);
        for (const bool handed : {false, true})
            benchmark::RegisterBenchmark(((handed ? "handed" : "raw") + tail).c_str(), [=](benchmark::State& s) {
                auto ends = make();
                raw_pipe(s, ends.reader.native_handle(), ends.writer.native_handle(), size, handed);
            });
        benchmark::RegisterBenchmark(("wye" + tail).c_str(), [=](benchmark::State& s) {
            auto ends = make();
            ours<By::recv>(s, std::move(ends.reader), std::move(ends.writer), size);
        });
        benchmark::RegisterBenchmark(("view" + tail).c_str(), [=](benchmark::State& s) {
            auto ends = make();
            ours<By::view>(s, std::move(ends.reader), std::move(ends.writer), size);
        });
        benchmark::RegisterBenchmark(("channel" + tail).c_str(), [=](benchmark::State& s) {
            auto ends = make();
            ours<By::recv>(s, Channel(std::move(ends.reader)), Channel(std::move(ends.writer)), size);
        });
    }
    return 0;
}

}  // namespace wye::bench
