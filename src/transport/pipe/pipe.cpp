// A pipe: bytes in one direction between relatives.
#include "wye/transport/pipe.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye {

Result<PipeEnds> make_pipe(StreamOptions options) {
    int ends[2];
    if (const long r = sys::pipe2(ends, 0); r < 0) return sys::fail(r, "pipe2");
    return PipeEnds{PipeReader(Fd(ends[0]), options), PipeWriter(Fd(ends[1]), options)};
}

namespace {

Result<ChannelPair> open_pair(const Uri& uri, const OpenOptions&) {
    if (!uri.address().empty()) return uri.refuse("a pipe has no name", "pipe:?framing=lines");
    WYE_TRY(const auto options, stream_options(uri));
    WYE_TRY(auto ends, make_pipe(options));
    return ChannelPair{Channel(std::move(ends.reader)), Channel(std::move(ends.writer))};
}

constexpr Param params[] = {framing_param, max_param};

}  // namespace

void see_pipes(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism pipe_mechanism{
    .traits = PipeTraits::traits,
    .summary = "bytes in one direction between processes that share an ancestor",
    .example = "pipe:",
    .params = params,
    .open_pair = open_pair,
    .see = see_pipes,
};

}  // namespace wye
