#include "wye/core/frame_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wye {
namespace {

constexpr std::size_t first_capacity = 64 * 1024;

}  // namespace

void FrameDecoder::make_room(std::size_t least) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ >= least) return;
    const auto held = end_ - begin_;
    if (capacity_ - held >= least) {
        std::memmove(buffer_.get(), at(), held);
    } else {
        const auto larger = std::max({first_capacity, capacity_ * 2, held + least});
        auto moved = std::make_unique_for_overwrite<std::byte[]>(larger);
        copy_bytes(moved.get(), buffer_.get() + begin_, held);
        buffer_ = std::move(moved);
        capacity_ = larger;
    }
    begin_ = 0;
    end_ = held;
}

// Back into the buffer, which is empty while a message goes straight into its place.
void FrameDecoder::park(Into into) {
    if (framing_ == Framing::raw || !std::exchange(active_, false)) return;
    make_room(FrameHeader::size + have_);
    const auto header = FrameHeader{.length = static_cast<std::uint32_t>(length_)}.encode();
    copy_bytes(at(), header.data(), header.size());
    copy_bytes(at() + header.size(), into->data(), have_);
    end_ = begin_ + header.size() + have_;
    position_ -= end_ - begin_;
}

FrameDecoder::Next FrameDecoder::next(Into into) {
    switch (framing_) {
        case Framing::frame:
            return next_frame(into);
        case Framing::lines:
            return next_delimited(into, std::byte{'\n'});
        case Framing::nul:
            return next_delimited(into, std::byte{0});
        case Framing::raw:
            break;
    }
    if (!std::exchange(active_, false)) return std::nullopt;
    position_ += have_;
    return MutBytes(into ? into->data() : buffer_.get(), have_);
}

// ---------------------------------------------------------------- frame

// True while bytes of a refused message are still to come.
bool FrameDecoder::pass_over() noexcept {
    const auto n = std::min(skip_, buffered());
    consume(n);
    skip_ -= n;
    return skip_ > 0;
}

FrameDecoder::Next FrameDecoder::next_frame(Into into) {
    for (;;) {
        if (active_) return continue_whole(*into);
        if (ready_) return deliver_ready(into);
        if (skip_ > 0 && pass_over()) return std::nullopt;
        if (piece_left_ > 0) {
            fill_piece();
            if (piece_left_ > 0) return std::nullopt;
            continue;
        }
        if (buffered() < FrameHeader::size) return std::nullopt;
        const auto header = FrameHeader::decode(std::span<const std::byte, FrameHeader::size>(at(), FrameHeader::size));
        if (!header.is_piece()) return begin_whole(header, into);
        if (buffered() < header.wire_size()) return std::nullopt;
        if (auto e = begin_piece(header)) return std::unexpected(std::move(*e));
    }
}

FrameDecoder::Next FrameDecoder::begin_whole(const FrameHeader& header, Into into) {
    if (header.length > max_) {
        consume(FrameHeader::size);
        skip_ = header.length;
        return fail(Errc::too_big, "recv");
    }
    if (!fits(header.length, into)) return fail(Errc::too_big, "recv");
    const auto there = buffered() - FrameHeader::size;
    if (there < header.length && !into) return std::nullopt;
    consume(FrameHeader::size);
    if (there >= header.length) return given(header.length, into);
    length_ = header.length;
    have_ = given(there, into).size();
    active_ = true;
    return std::nullopt;
}

FrameDecoder::Next FrameDecoder::continue_whole(MutBytes into) {
    const auto n = std::min(length_ - have_, buffered());
    copy_bytes(into.data() + have_, at(), n);
    consume(n);
    have_ += n;
    if (have_ < length_) return std::nullopt;
    active_ = false;
    return into.first(length_);
}

// A message all of whose pieces lie one behind the other in the buffer, as a single writer's do: straight into its
// place, or moved together behind the first header.
std::optional<MutBytes> FrameDecoder::pieces_at_hand(FrameHeader header, Into into) noexcept {
    constexpr auto head = FrameHeader::size + FrameHeader::tag_size;
    if (header.continued) return {};
    auto* const first = at();
    std::size_t whole = 0, filled = 0;
    do {
        auto* const p = first + whole;
        if (buffered() - whole < head) return {};
        header = FrameHeader::decode(std::span<const std::byte, FrameHeader::size>(p, FrameHeader::size));
        if (header.continued == (p == first) ||
            std::memcmp(p + FrameHeader::size, first + FrameHeader::size, FrameHeader::tag_size) != 0)
            return {};
        filled += header.length;
        whole += head + header.length;
        if (buffered() < whole || filled > max_ || !fits(filled, into)) return {};
    } while (header.more);
    auto* const to = into ? into->data() : first + head;
    filled = 0;
    for (const auto* p = first; p < first + whole; p += head + header.length) {
        header = FrameHeader::decode(std::span<const std::byte, FrameHeader::size>(p, FrameHeader::size));
        if (into)
            copy_bytes(to + filled, p + head, header.length);
        else if (p > first)
            std::memmove(to + filled, p + head, header.length);
        filled += header.length;
    }
    consume(whole);
    return MutBytes(to, filled);
}

// Enters the piece at the front of the buffer: into its message, or past it.
std::optional<Error> FrameDecoder::begin_piece(const FrameHeader& header) {
    std::uint64_t tag;
    std::memcpy(&tag, at() + FrameHeader::size, sizeof tag);
    consume(header.wire_size());
    auto part = std::ranges::find(parts_, tag, &Part::tag);
    if (!header.continued) {
        if (part != parts_.end()) parts_.erase(part);      // its writer gave the earlier one up
        if (header.more && header.length == 0) return {};  // and says no more than that
        if (parts_.size() == max_parts) {
            // Its writer may still be at it: the loss is told. This piece is met again by the next call.
            parts_.erase(std::ranges::min_element(parts_, {}, &Part::touched));
            begin_ -= header.wire_size(), position_ -= header.wire_size();
            return Error::saying(Errc::exhausted,
                                 "too many messages in pieces at once: the one that waited longest was dropped");
        }
        if (spare_.capacity() > first_capacity) spare_ = {};
        spare_.clear();
        part = parts_.insert(parts_.end(), Part{.tag = tag, .touched = 0, .bytes = std::exchange(spare_, {})});
    } else if (part == parts_.end()) {
        skip_ = header.length;  // we joined in its middle, or refused its beginning
        return {};
    }
    if (part->bytes.size() + header.length > max_) {
        parts_.erase(part);
        skip_ = header.length;
        return Error(Errc::too_big, "recv");
    }
    part->touched = ++clock_;
    piece_tag_ = tag;
    piece_left_ = header.length;
    piece_last_ = !header.more;
    if (piece_left_ == 0) fill_piece();
    return {};
}

void FrameDecoder::fill_piece() {
    const auto part = std::ranges::find(parts_, piece_tag_, &Part::tag);
    const auto n = std::min(piece_left_, buffered());
    part->bytes.insert(part->bytes.end(), at(), at() + static_cast<std::ptrdiff_t>(n));
    consume(n);
    piece_left_ -= n;
    if (piece_left_ > 0 || !piece_last_) return;
    ready_ = std::move(part->bytes);
    parts_.erase(part);
}

FrameDecoder::Next FrameDecoder::deliver_ready(Into into) {
    if (!fits(ready_->size(), into)) return fail(Errc::too_big, "recv");
    spare_ = *std::exchange(ready_, {});
    if (!into) return MutBytes(spare_);
    copy_bytes(into->data(), spare_.data(), spare_.size());
    return into->first(spare_.size());
}

// ---------------------------------------------------------------- lines, nul

FrameDecoder::Next FrameDecoder::next_delimited(Into into, std::byte mark) {
    for (;;) {
        const auto* from = buffered() > scanned_ ? at() + scanned_ : nullptr;
        const auto* hit =
            from ? static_cast<const std::byte*>(std::memchr(from, std::to_integer<int>(mark), buffered() - scanned_))
                 : nullptr;
        const auto n = hit ? static_cast<std::size_t>(hit - at()) : buffered();
        if (skip_to_mark_) {
            consume(hit ? n + 1 : n);
            scanned_ = 0;
            if (!hit) return std::nullopt;
            skip_to_mark_ = false;
            continue;
        }
        if (n > max_) {
            skip_to_mark_ = true;
            return fail(Errc::too_big, "recv");
        }
        if (!hit) {
            scanned_ = n;
            return std::nullopt;
        }
        if (!fits(n, into)) return fail(Errc::too_big, "recv");
        const auto message = given(n, into);
        consume(1);
        scanned_ = 0;
        return message;
    }
}

Result<MutBytes> FrameDecoder::end(Into into) {
    if (framing_ == Framing::frame) {
        std::erase_if(parts_, [](const Part& p) { return p.bytes.empty(); });  // given up by its writer, in good order
        if (idle()) return fail(Errc::closed, "recv");
        active_ = false;
        begin_ = end_ = skip_ = piece_left_ = 0;
        parts_.clear();
        return fail(Errc::peer_died, "recv");
    }
    const auto n = buffered();
    // A FIFO's next writer begins a new line, also where the last one was cut off inside a refused one.
    const bool refused = std::exchange(skip_to_mark_, false);
    if (framing_ == Framing::raw || n == 0 || refused) return fail(Errc::closed, "recv");
    if (!fits(n, into)) return fail(Errc::too_big, "recv");
    scanned_ = 0;
    return given(n, into);
}

}  // namespace wye
