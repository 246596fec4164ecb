#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"
#include "wye/core/framing.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace wye {

/// Turns the bytes of a stream into messages. Knows no descriptor: its owner reads, and this says where to.
///
/// What arrives is a stranger's: a length is compared with the limit before anything is allocated, and memory grows
/// only by bytes that really came. A message above the limit is refused once (Errc::too_big) and then passed
/// over, so that the one behind it arrives. In the framing `frame` a big message is read straight into the caller's
/// place.
class FrameDecoder {
public:
    /// The caller's place for a message. None: the message is given where it lies here, until the next call.
    using Into = std::optional<MutBytes>;

    FrameDecoder(Framing framing, std::size_t max_message) noexcept : framing_(framing), max_(max_message) {}

    /// The next whole message; nullopt when more bytes are needed.
    /// Errc::too_big: larger than the limit (it is passed over) or than `into` (it stays: come back with more room).
    Result<std::optional<MutBytes>> next(Into into);

    /// Where the next bytes of the stream belong: first `direct` (inside the caller's `into`), then `buffer`.
    struct Want {
        MutBytes direct, buffer;
    };
    Want want(Into into) {
        if (framing_ == Framing::raw) return {into ? *into : own_place(), {}};
        MutBytes direct;
        if (active_) direct = into->subspan(have_, length_ - have_);
        // One byte is enough of a promise; what is free beyond it is offered too: small messages come many a call.
        if (begin_ == end_) begin_ = end_ = 0;
        if (end_ == capacity_) make_room(1);
        return {direct, {buffer_.get() + end_, capacity_ - end_}};
    }
    /// That many bytes were read to where want() said.
    void took(std::size_t n) noexcept {
        if (framing_ == Framing::raw) {
            have_ = n;
            active_ = true;
            return;
        }
        if (active_) {
            const auto direct = n < length_ - have_ ? n : length_ - have_;
            have_ += direct;
            position_ += direct;
            n -= direct;
        }
        end_ += n;
    }

    /// What next() would answer in the plain case, and nothing changed in every other: a whole message lies at hand,
    /// and fits. Inline, so that a small message costs no chain of calls.
    [[gnu::always_inline]] std::optional<MutBytes> at_hand(Into into) noexcept {
        if (framing_ != Framing::frame || active_ || ready_ || skip_ > 0 || piece_left_ > 0) return {};
        const auto there = buffered();
        if (there < FrameHeader::size) return {};
        const auto header = FrameHeader::decode(std::span<const std::byte, FrameHeader::size>(at(), FrameHeader::size));
        if (header.is_piece()) return pieces_at_hand(header, into);
        if (header.length > max_ || !fits(header.length, into) || there - FrameHeader::size < header.length) return {};
        consume(FrameHeader::size);
        return given(header.length, into);
    }

    /// The call gives up half way: what lies in `into` is kept here for the next one.
    void park(Into into);

    /// The stream ended: the last line without its end, else Errc::closed, or Errc::peer_died inside a message.
    Result<MutBytes> end(Into into);

    std::size_t buffered() const noexcept { return end_ - begin_; }
    /// Nothing of a message is held here: bytes may be taken from the stream past the decoder.
    bool idle() const noexcept { return starved() && parts_.empty() && skip_ == 0; }
    /// next() can answer nothing before more bytes have come.
    bool starved() const noexcept { return buffered() == 0 && !active_ && !ready_ && piece_left_ == 0; }
    /// Stream bytes that went into finished messages.
    std::uint64_t position() const noexcept { return position_; }
    std::size_t max_message() const noexcept { return max_; }
    Framing framing() const noexcept { return framing_; }

private:
    using Next = Result<std::optional<MutBytes>>;
    struct Part {  // a message that comes in pieces
        std::uint64_t tag;
        std::uint64_t touched;
        std::vector<std::byte> bytes;
    };
    static constexpr std::size_t max_parts = 256;

    Next next_frame(Into into);
    Next next_delimited(Into into, std::byte mark);
    Next begin_whole(const FrameHeader&, Into into);
    Next continue_whole(MutBytes into);
    std::optional<MutBytes> pieces_at_hand(FrameHeader, Into into) noexcept;
    std::optional<Error> begin_piece(const FrameHeader&);
    void fill_piece();
    Next deliver_ready(Into into);
    bool pass_over() noexcept;
    void consume(std::size_t n) noexcept { begin_ += n, position_ += n; }
    std::byte* at() const noexcept { return buffer_.get() + begin_; }
    static bool fits(std::size_t n, const Into& into) noexcept { return !into || n <= into->size(); }
    // The next n bytes of the buffer.
    MutBytes given(std::size_t n, const Into& into) noexcept {
        const MutBytes here(at(), n);
        consume(n);
        if (!into) return here;
        copy_bytes(into->data(), here.data(), n);
        return into->first(n);
    }
    MutBytes own_place() {
        if (capacity_ == 0) make_room(1);
        // A byte at least: a read of none would look like the end.
        return {buffer_.get(), capacity_ < max_ ? capacity_ : max_ > 0 ? max_ : 1};
    }
    void make_room(std::size_t least);

    Framing framing_;
    std::size_t max_;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;
    std::uint64_t position_ = 0;

    std::size_t skip_ = 0;       // bytes of a refused frame still to pass over
    bool skip_to_mark_ = false;  // likewise, of a line
    std::size_t scanned_ = 0;    // bytes after begin_ known to hold no mark

    bool active_ = false;  // within a call: have_ of a whole message's length_ bytes lie in `into`
    std::size_t length_ = 0, have_ = 0;

    std::vector<Part> parts_;
    std::uint64_t clock_ = 0;
    std::uint64_t piece_tag_ = 0;
    std::size_t piece_left_ = 0;
    bool piece_last_ = false;
    std::optional<std::vector<std::byte>> ready_;
    std::vector<std::byte> spare_;  // the last such message, until its room is the next one's
};

}  // namespace wye
