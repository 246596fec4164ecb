// What a message through a FIFO costs: bare system calls that move the same bytes in as many writes, the class, the
// Channel.
#include "wye/registry/open.hpp"
#include "wye/transport/fifo.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace wye;

class Place {
public:
    Place() : made_(::mkdtemp(directory_) && ::mkfifo(path().c_str(), 0600) == 0) {}
    ~Place() {
        ::unlink(path().c_str());
        ::rmdir(directory_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    bool made() const { return made_; }
    std::string path() const { return std::string(directory_) + "/fifo"; }

private:
    char directory_[32] = "/tmp/wye-bench-XXXXXX";
    bool made_;
};

void raw(benchmark::State& state, std::size_t size) {
    const Place place;
    const Fd in(::open(place.path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    const Fd out(::open(place.path().c_str(), O_WRONLY | O_CLOEXEC));
    if (!place.made() || out == nullptr || ::fcntl(in.get(), F_SETFL, 0) != 0) return state.SkipWithError("mkfifo");
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(128 * 1024);
    char header[12] = {};
    for (auto _ : state) {
        std::size_t wire = 0;
        for (std::size_t at = 0; at < size;) {
            const std::size_t head = size + 4 <= PIPE_BUF ? 4 : 12;
            const std::size_t n = std::min<std::size_t>(size - at, PIPE_BUF - head);
            const iovec v[2] = {{header, head}, {const_cast<std::byte*>(message.data()) + at, n}};
            const ssize_t written = ::writev(out.get(), v, 2);
            if (written < 0) return state.SkipWithError("writev");
            wire += static_cast<std::size_t>(written);
            at += n;
        }
        while (wire > 0) {
            const ssize_t n = ::read(in.get(), room.data(), room.size());
            if (n <= 0) return state.SkipWithError("read");
            wire -= static_cast<std::size_t>(n);
        }
        benchmark::DoNotOptimize(room.data());
    }
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
        const auto n = "/fifo/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw" + n).c_str(), [size](benchmark::State& s) { raw(s, size); });
        benchmark::RegisterBenchmark(("wye" + n).c_str(), [size](benchmark::State& s) {
            const Place place;
            auto reader = or_throw(FifoReader::open(place.path()));
            auto writer = or_throw(FifoWriter::open(place.path()));
            through(s, reader, writer, size);
        });
        benchmark::RegisterBenchmark(("channel" + n).c_str(), [size](benchmark::State& s) {
            const Place place;
            auto reader = or_throw(open("fifo:" + place.path(), {.mode = Mode::read}));
            auto writer = or_throw(open("fifo:" + place.path(), {.mode = Mode::write}));
            through(s, reader, writer, size);
        });
    }
    return true;
}();

}  // namespace
