#pragma once
#include "wye/io/framed_stream.hpp"

namespace wye {

/// A pipe: bytes in one direction between processes that share an ancestor, which made it and handed it down by fork().
///
/// Not for: strangers (see Fifo), talking back (two pipes, or SocketPair), passing descriptors (UnixSocket).
/// What hurts: each process must let go of the end that it does not use, or the reader never sees the end. A reader
/// that is gone is Errc::closed for the writer; SIGPIPE is never raised and the program's disposition never touched.
/// Several writers: never interleaved, whatever the size (FrameHeader says how).
/// After fork: both processes hold both ends. After exec: neither, they are CLOEXEC.
/// Capacity: 64 KiB by default, less for a user beyond pipe-user-pages-soft. pipe(7), pipe(2).
struct PipeTraits {
    static constexpr Traits traits{.scheme = "pipe",
                                   .name = "pipe",
                                   .timing = Timing::sync,
                                   .direction = Direction::one_way,
                                   .relation = Relation::related,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle};
};

class PipeReader : public PipeTraits {
public:
    /// From a descriptor that was inherited or passed.
    explicit PipeReader(Fd fd, StreamOptions o = {}) : stream_(std::move(fd), Fd(), shared(o)) {}

    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) { return stream_.recv(into, d); }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) { return stream_.recv_view(d); }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    static StreamOptions shared(StreamOptions o) noexcept { return o.shared = true, o; }
    FramedStream stream_;
};

class PipeWriter : public PipeTraits {
public:
    explicit PipeWriter(Fd fd, StreamOptions o = {}) : stream_(Fd(), std::move(fd), shared(o)) {}

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return stream_.send(b, d); }
    /// The reader gets what is in the pipe, and then Errc::closed, once every other writer has closed too.
    Result<> close_write() { return stream_.close_write(); }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    static StreamOptions shared(StreamOptions o) noexcept { return o.shared = true, o; }
    FramedStream stream_;
};

struct PipeEnds {
    PipeReader reader;
    PipeWriter writer;
};

/// Both ends of a new pipe. Errc::exhausted when the process or the system is out of descriptors.
[[nodiscard]] Result<PipeEnds> make_pipe(StreamOptions = {});

extern const Mechanism pipe_mechanism;

static_assert(Viewer<PipeReader> && !Sender<PipeReader> && Pollable<PipeReader>);
static_assert(Sender<PipeWriter> && !Receiver<PipeWriter> && HalfCloser<PipeWriter>);

}  // namespace wye
