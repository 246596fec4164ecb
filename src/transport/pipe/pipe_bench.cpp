// What a message through a pipe costs: bare system calls that move the same bytes in as many writes, the class, the
// Channel.
#include "wye/registry/open.hpp"
#include "wye/transport/pipe.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace wye;

// As the framing puts it on a pipe: a header of 4 bytes, and beyond PIPE_BUF pieces with 8 bytes of tag each.
void raw(benchmark::State& state, std::size_t size) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return state.SkipWithError("pipe2");
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(128 * 1024);
    char header[12] = {};
    const std::size_t whole = size + 4;
    for (auto _ : state) {
        std::size_t wire = 0;
        for (std::size_t at = 0; at < size;) {
            const std::size_t head = whole <= PIPE_BUF ? 4 : 12;
            const std::size_t n = std::min<std::size_t>(size - at, PIPE_BUF - head);
            const iovec v[2] = {{header, head}, {const_cast<std::byte*>(message.data()) + at, n}};
            const ssize_t written = ::writev(ends[1], v, 2);
            if (written < 0) return state.SkipWithError("writev");
            wire += static_cast<std::size_t>(written);
            at += n;
        }
        while (wire > 0) {
            const ssize_t n = ::read(ends[0], room.data(), room.size());
            if (n <= 0) return state.SkipWithError("read");
            wire -= static_cast<std::size_t>(n);
        }
        benchmark::DoNotOptimize(room.data());
    }
    ::close(ends[0]), ::close(ends[1]);
}

template <class Reader, class Writer>
void through(benchmark::State& state, Reader& reader, Writer& writer, std::size_t size) {
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(size);
    for (auto _ : state) {
        if (!writer.send(message)) return state.SkipWithError("send");
        if (auto got = reader.recv(room); !got || got->size() != size) return state.SkipWithError("recv");
    }
}

const bool registered = [] {
    for (const std::size_t size : {64, 4096}) {
        const auto n = "/pipe/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw" + n).c_str(), [size](benchmark::State& s) { raw(s, size); });
        benchmark::RegisterBenchmark(("wye" + n).c_str(), [size](benchmark::State& s) {
            auto ends = or_throw(make_pipe());
            through(s, ends.reader, ends.writer, size);
        });
        benchmark::RegisterBenchmark(("channel" + n).c_str(), [size](benchmark::State& s) {
            auto ends = or_throw(open_pair("pipe:"));
            through(s, ends.first, ends.second, size);
        });
    }
    return true;
}();

}  // namespace
