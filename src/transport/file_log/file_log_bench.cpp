// What a record through a log costs: bare system calls that append and read the same bytes, the class, the Channel.
#include "wye/registry/open.hpp"
#include "wye/transport/file_log.hpp"

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

using namespace wye;

constexpr int records_a_file = 10'000;  // then it is begun anew, off the clock

class Place {
public:
    Place() : made_(::mkdtemp(directory_) != nullptr) {}
    ~Place() {
        ::unlink(path().c_str());
        ::rmdir(directory_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    bool made() const { return made_; }
    std::string path() const { return std::string(directory_) + "/log"; }
    void empty() const { (void)!::truncate(path().c_str(), 0); }

private:
    char directory_[32] = "/tmp/wye-bench-XXXXXX";
    bool made_;
};

// What a program would do by hand that locks, notes where it appends, and reads a record anew each time.
void raw(benchmark::State& state, std::size_t size) {
    const Place place;
    const Fd out(::open(place.path().c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const Fd in(::open(place.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (!place.made() || in == nullptr) return state.SkipWithError("open");
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(64 * 1024);
    char head[8] = {}, tail[4] = {};
    const iovec v[3] = {{head, sizeof head}, {const_cast<std::byte*>(message.data()), size}, {tail, sizeof tail}};
    off_t at = 0;
    for (int n = 0; auto _ : state) {
        if (++n % records_a_file == 0) {
            state.PauseTiming();
            place.empty();
            at = 0;
            state.ResumeTiming();
        }
        struct stat s{};
        if (::flock(out.get(), LOCK_EX) != 0 || ::fstat(out.get(), &s) != 0) return state.SkipWithError("flock");
        if (::writev(out.get(), v, 3) < 0) return state.SkipWithError("writev");
        ::flock(out.get(), LOCK_UN);
        const ssize_t got = ::pread(in.get(), room.data(), room.size(), at);
        if (got <= 0) return state.SkipWithError("pread");
        at += got;
        benchmark::DoNotOptimize(room.data());
    }
}

template <class Open>
void through(benchmark::State& state, std::size_t size, Open open) {
    const Place place;
    auto writer = or_throw(open(place.path(), Mode::write));
    auto reader = or_throw(open(place.path(), Mode::read));
    const std::vector<std::byte> message(size);
    std::vector<std::byte> room(size);
    for (int n = 0; auto _ : state) {
        if (++n % records_a_file == 0) {
            state.PauseTiming();
            place.empty();
            (void)reader.recv(room, Deadline::now());  // reports the cut
            state.ResumeTiming();
        }
        if (!writer.send(message, Deadline::never())) return state.SkipWithError("send");
        if (auto got = reader.recv(room, Deadline::never()); !got || got->size() != size)
            return state.SkipWithError("recv");
    }
}

const bool registered = [] {
    for (const std::size_t size : {std::size_t{64}, std::size_t{4096}}) {
        const auto n = "/file/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw" + n).c_str(), [size](benchmark::State& s) { raw(s, size); });
        benchmark::RegisterBenchmark(("wye" + n).c_str(), [size](benchmark::State& s) {
            through(s, size, [](const std::string& path, Mode mode) {
                return FileLog::open(path, {.mode = mode, .create = Create::if_missing});
            });
        });
        benchmark::RegisterBenchmark(("channel" + n).c_str(), [size](benchmark::State& s) {
            through(s, size, [](const std::string& path, Mode mode) {
                return open("file:" + path, {.mode = mode, .create = Create::if_missing});
            });
        });
    }
    return true;
}();

}  // namespace
