#pragma once
#include "wye/io/framed_stream.hpp"

namespace wye {

/// Descriptors that this process was started with, or was handed: `fd:3`, or `fd:0,1` (read from one, write to the
/// other).
///
/// Pipes, FIFOs, stream sockets, terminals and files, with any framing. Not for datagram sockets (their messages need
/// no framing). The descriptor itself is left untouched and open: this works on a duplicate (CLOEXEC), and O_NONBLOCK,
/// which is shared with whoever else holds the description, is never changed. dup(2).
class FdStream {
public:
    static constexpr Traits traits{.scheme = "fd",
                                   .name = "inherited descriptor",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::related,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle,
                                   .duplex = true};

    /// `in` and `out` may be the same; -1 leaves that way out. Errc::mismatch when one is not open, or not open for it.
    [[nodiscard]] static Result<FdStream> adopt(int in, int out, StreamOptions = {});

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return stream_.send(b, d); }
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) { return stream_.recv(into, d); }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) { return stream_.recv_view(d); }
    /// A socket's peer reads the end. On a pipe the reader waits on while the original is open: close that too.
    Result<> close_write();
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }
    /// One way only, where the descriptor is open for one.
    const Traits& own_traits() const noexcept { return stream_.in() >= 0 && stream_.out() >= 0 ? traits : one_way; }

private:
    static constexpr Traits one_way = [] {
        auto t = traits;
        t.direction = Direction::one_way, t.duplex = false;
        return t;
    }();
    explicit FdStream(FramedStream s) : stream_(std::move(s)) {}
    FramedStream stream_;
};

extern const Mechanism fd_mechanism;

static_assert(Sender<FdStream> && Viewer<FdStream> && HalfCloser<FdStream> && Pollable<FdStream>);

}  // namespace wye
