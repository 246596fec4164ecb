#pragma once
#include "wye/io/framed_stream.hpp"

namespace wye {

struct FifoOptions {
    StreamOptions stream = {};
    Create create = Create::never;
    unsigned permissions = 0600;
    /// The reader holds a writing end itself: it goes on waiting when the last writer has left.
    bool keep = false;
};

/// A FIFO: a pipe with a name in the filesystem, between strangers. fifo(7), mkfifo(3).
///
/// Not for: talking back (one FIFO each way), descriptors (UnixSocket), keeping data (what nobody read is gone with the
/// last process that had it open). What hurts: open() of one end waits for the other in the kernel; here the reader
/// opens at once and its first recv() waits for a writer, and the writer waits for a reader until the deadline. When
/// the last writer leaves, the reader gets Errc::closed, unless `keep`. Writers never interleave, whatever the size.
/// Two readers share the bytes, not the messages: one reader only. The path stays when both have gone: remove(). With
/// `keep` and lines, nul or raw, a writer that is killed inside a message of more than PIPE_BUF bytes leaves its torn
/// beginning in front of the next writer's; `frame` drops it.
/// Threads: one may send, one may recv. After fork: both processes hold the end. After exec: neither does, it is
/// CLOEXEC.
struct FifoTraits {
    static constexpr Traits traits{.scheme = "fifo",
                                   .name = "FIFO",
                                   .timing = Timing::sync,
                                   .direction = Direction::one_way,
                                   .relation = Relation::any,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::filesystem};
};

class FifoReader : public FifoTraits {
public:
    /// Errc::mismatch when something else is at `path`; it is then neither read nor changed.
    [[nodiscard]] static Result<FifoReader> open(const std::string& path, FifoOptions = {});

    /// Errc::closed when the last writer has left; a later writer's messages come after that.
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        if (!met_) [[unlikely]]
            WYE_CHECK(meet(d));
        return stream_.recv(into, d);
    }
    Result<Bytes> recv_view(Deadline d = Deadline::never()) {
        if (!met_) [[unlikely]]
            WYE_CHECK(meet(d));
        return stream_.recv_view(d);
    }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    /// Not readable, and not hung up either, until the first writer has come.
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    FifoReader(Fd fd, Fd keeper, StreamOptions o) : stream_(std::move(fd), Fd(), o), keeper_(std::move(keeper)) {}
    Result<> meet(Deadline);
    FramedStream stream_;
    Fd keeper_;
    bool met_ = false;  // a writer has been there: from now on an end is an end
};

class FifoWriter : public FifoTraits {
public:
    /// Waits for a reader; Errc::timed_out when none came. What this call made is then removed again.
    [[nodiscard]] static Result<FifoWriter> open(const std::string& path, FifoOptions = {},
                                                 Deadline = Deadline::never());

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return stream_.send(b, d); }
    /// The reader gets what is in the FIFO, and then Errc::closed, once every other writer has closed too.
    Result<> close_write() { return stream_.close_write(); }
    std::size_t max_message() const noexcept { return stream_.max_message(); }
    int native_handle() const noexcept { return stream_.native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return stream_.raw_handles(); }

private:
    FifoWriter(Fd fd, StreamOptions o) : stream_(Fd(), std::move(fd), o) {}
    FramedStream stream_;
};

/// Makes the FIFO with exactly these permissions. Create::if_missing: a FIFO that is there already is left as it is.
[[nodiscard]] Result<> make_fifo(const std::string& path, Create = Create::exclusive, unsigned permissions = 0600);

extern const Mechanism fifo_mechanism;

static_assert(Viewer<FifoReader> && !Sender<FifoReader> && Pollable<FifoReader>);
static_assert(Sender<FifoWriter> && !Receiver<FifoWriter> && HalfCloser<FifoWriter>);

}  // namespace wye
