// A socket pair: bytes both ways between relatives.
#include "wye/transport/socketpair.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye {

Result<SocketPair> make_socketpair(StreamOptions options) {
    int ends[2];
    if (const long r = sys::socketpair(AF_UNIX, SOCK_STREAM, ends); r < 0) return sys::fail(r, "socketpair");
    return SocketPair{SocketPairEnd(Fd(ends[0]), options), SocketPairEnd(Fd(ends[1]), options)};
}

namespace {

Result<ChannelPair> open_pair(const Uri& uri, const OpenOptions&) {
    if (!uri.address().empty()) return uri.refuse("a socket pair has no name", "socketpair:?framing=lines");
    WYE_TRY(const auto options, stream_options(uri));
    WYE_TRY(auto ends, make_socketpair(options));
    return ChannelPair{Channel(std::move(ends.first)), Channel(std::move(ends.second))};
}

constexpr Param params[] = {framing_param, max_param};

}  // namespace

void see_socketpairs(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism socketpair_mechanism{
    .traits = SocketPairEnd::traits,
    .summary = "bytes both ways between processes that share an ancestor",
    .example = "socketpair:",
    .params = params,
    .open_pair = open_pair,
    .see = see_socketpairs,
};

}  // namespace wye
