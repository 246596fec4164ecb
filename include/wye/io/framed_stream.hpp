#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/frame_decoder.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/os/port.hpp"

#include <algorithm>

namespace wye {

struct StreamOptions {
    Framing framing = Framing::frame;
    std::size_t max_message = std::size_t{16} << 20;  ///< refused on both ends before anything is allocated
    /// Several writers may share the descriptor (pipes, FIFOs): no message is ever interleaved with another.
    bool shared = false;
};

/// `?framing=` and `?max=`, as every byte-stream room understands them.
inline constexpr Param framing_param{"framing", "frame|lines|nul|raw", "how messages are kept apart (default frame)"};
inline constexpr Param max_param{"max", "SIZE", "largest message (default 16M)"};
Result<StreamOptions> stream_options(const Uri&);

/// The sending half: puts messages on a descriptor it does not own.
///
/// On a shared descriptor a framed message goes in pieces of at most PIPE_BUF bytes (see FrameHeader), and lines, nul
/// and raw take a lock on the pipe. Elsewhere one writer owns the stream: a message whose first bytes are in the kernel
/// when the deadline passes counts as sent, and its rest leaves before anything else does (flush() waits for that).
class FrameWriter {
public:
    explicit FrameWriter(StreamOptions o) noexcept : options_(o) {
        if (o.framing == Framing::frame)
            options_.max_message = std::min<std::size_t>(o.max_message, FrameHeader::max_length);
    }
    /// `control` (sockets that are not shared) travels with the first byte of the message.
    Result<> send(int fd, Bytes, Deadline, Bytes control = {});
    Result<> flush(int fd, Deadline);
    /// Tells the reader of a message in pieces that will not be finished; nothing where there is none.
    Result<> settle(int fd, Deadline d) { return abandoned_ == 0 ? Result<>() : cancel(fd, d); }
    bool pending() const noexcept { return sent_ < outbox_.size(); }
    /// Before the descriptor is closed: the lock is a writer of its own, which would keep readers waiting.
    void release() noexcept { lock_.reset(), port_.release(); }
    const StreamOptions& options() const noexcept { return options_; }

private:
    struct Vector;
    Result<> put(int fd, Vector&, Deadline, Bytes control = {});
    Result<> finish(int fd, Vector&, long first, Deadline, Bytes control);
    Result<> send_marked(int fd, Bytes, Deadline, Bytes control);
    Result<> send_pieces(int fd, Bytes, Deadline);
    Result<> put_piece(int fd, const std::uint64_t& mark, Bytes, bool continued, bool more, Deadline);
    Result<> cancel(int fd, Deadline);
    Result<> lock(int fd, Deadline);
    void unlock() noexcept;
    void forget_after_fork() noexcept;

    StreamOptions options_;
    Port port_;
    std::vector<std::byte> outbox_;
    std::size_t sent_ = 0;
    std::uint64_t outbox_generation_ = 0;
    Fd lock_;
    std::uint64_t lock_generation_ = 0;
    bool locked_ = false;
    bool broken_ = false;
    std::uint64_t abandoned_ = 0;  // the mark of a message in pieces that a deadline cut off, until the reader is told
};

/// Messages over a byte-stream descriptor: what pipe, fifo, socketpair, unix, tcp, fd and exec share.
///
/// Reads ahead into its own buffer: do not read the descriptor beside it. Dropping it waits up to a second for
/// the rest of a half-sent message.
class FramedStream {
public:
    /// One descriptor for both ways (a socket).
    FramedStream(Fd both, StreamOptions o);
    /// One for each way; either may be empty.
    FramedStream(Fd in, Fd out, StreamOptions o);
    FramedStream(FramedStream&&) noexcept = default;
    FramedStream& operator=(FramedStream&&) noexcept;
    ~FramedStream();

    Result<> send(Bytes b, Deadline d = Deadline::never(), Bytes control = {}) {
        if (write_closed_ || out() < 0) return fail(Errc::closed, "send");
        return writer_.send(out(), b, d, control);
    }
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());
    /// The message where it lies in the read-ahead buffer, which grows to the largest that came (see Viewer).
    Result<Bytes> recv_view(Deadline = Deadline::never());
    /// Errc::timed_out while bytes of the last message are not yet with the kernel.
    Result<> flush(Deadline d) { return writer_.flush(out(), d); }
    Result<> close_write();

    /// recv(), or without a place recv_view(), with another way of reading: `read(iovec*, count)` answers how many
    /// bytes came, 0 at the end.
    template <class Read>
    Result<MutBytes> recv_by(FrameDecoder::Into into, Read&& read);

    std::size_t max_message() const noexcept { return decoder_.max_message(); }
    /// The descriptor to poll for reading, or for writing on an end that only writes.
    int native_handle() const noexcept { return in_ == nullptr ? out() : in_.get(); }
    int in() const noexcept { return in_.get(); }
    int out() const noexcept { return duplex_ ? in_.get() : out_.get(); }
    Channel::RawHandles raw_handles() const noexcept;
    const FrameDecoder& decoder() const noexcept { return decoder_; }

private:
    Fd in_, out_;
    bool duplex_ = false;
    bool write_closed_ = false;
    Port port_;
    FrameDecoder decoder_;
    FrameWriter writer_;
};

}  // namespace wye
