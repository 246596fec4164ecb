#pragma once
#include "wye/io/framed_stream.hpp"

namespace wye {

/// One end of a socket pair: bytes in both directions between processes that share an ancestor, which made the pair and
/// handed it down by fork(). socketpair(2), unix(7).
///
/// Not for: strangers, or passing descriptors (UnixSocket).
/// What hurts: each process must let go of the end that it does not use, or the other never sees the close. Both sides
/// writing without reading come to a stand when both buffers are full: read on one thread, write on another.
/// One process an end: a second writer on the same end would interleave (a pipe is for many writers).
/// After fork: both processes hold both ends. After exec: neither, they are CLOEXEC.
class SocketPairEnd {
public:
    static constexpr Traits traits{.scheme = "socketpair",
                                   .name = "socket pair",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::related,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle,
                                   .duplex = true,
                                   .many_writers = false};

    /// From a descriptor that was inherited or passed.
    explicit SocketPairEnd(Fd fd, StreamOptions o = {}) : stream_(std::move(fd), o) {}

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return stream_.send(b, d); }
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) { return stream_.recv(into, d); }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) { return stream_.recv_view(d); }
    Result<> close_write() { return stream_.close_write(); }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    FramedStream stream_;
};

struct SocketPair {
    SocketPairEnd first, second;
};

/// Both ends of a new pair. Errc::exhausted when the process or the system is out of descriptors.
[[nodiscard]] Result<SocketPair> make_socketpair(StreamOptions = {});

extern const Mechanism socketpair_mechanism;

static_assert(Sender<SocketPairEnd> && Viewer<SocketPairEnd> && HalfCloser<SocketPairEnd> && Pollable<SocketPairEnd>);

}  // namespace wye
