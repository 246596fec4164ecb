#pragma once
#include "wye/base/bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wye {

/// How messages are kept apart on a byte stream. Both ends must say the same.
enum class Framing : std::uint8_t {
    frame,  ///< default: a length before each message; any bytes, any size up to the limit
    lines,  ///< ends with '\n'; a message cannot contain one. For programs that read and write lines
    nul,    ///< ends with a zero byte, as `xargs -0` wants it
    raw,    ///< no boundaries: what was sent in two pieces may arrive in one or three
};
std::string_view name(Framing) noexcept;
std::optional<Framing> parse_framing(std::string_view) noexcept;

/// The four bytes before a message, in network byte order:
///
///     bit 31   more: another piece of this message follows
///     bit 30   continued: this is not the first piece
///     bits 0-29  bytes that follow (after the tag, when bit 31 or 30 is set)
///
/// A whole message has neither bit: a program that knows nothing of wye writes the length in four bytes, big-endian,
/// and then the message. Pieces exist because several writers may share one pipe, where only PIPE_BUF bytes are written
/// without another writer between: a longer message goes in pieces, each with eight bytes of tag which tell its
/// message from the others', and the reader puts them together. A first piece of no bytes says that its message will
/// not come. No lock is needed, and a writer that is killed half way spoils nobody's message but its own.
struct FrameHeader {
    static constexpr std::size_t size = 4;
    static constexpr std::size_t tag_size = 8;
    static constexpr std::uint32_t max_length = (1u << 30) - 1;

    std::uint32_t length = 0;
    bool more = false;
    bool continued = false;

    bool is_piece() const noexcept { return more || continued; }
    /// Header bytes on the wire, the tag included.
    std::size_t wire_size() const noexcept { return size + (is_piece() ? tag_size : 0); }

    static FrameHeader decode(std::span<const std::byte, size>) noexcept;
    std::array<std::byte, size> encode() const noexcept;

private:
    static constexpr std::uint32_t more_bit = 1u << 31, continued_bit = 1u << 30;
};

inline std::array<std::byte, 4> encode_be32(std::uint32_t v) noexcept {
    return {std::byte(v >> 24), std::byte(v >> 16), std::byte(v >> 8), std::byte(v)};
}
inline std::uint32_t decode_be32(std::span<const std::byte, 4> b) noexcept {
    return std::to_integer<std::uint32_t>(b[0]) << 24 | std::to_integer<std::uint32_t>(b[1]) << 16 |
           std::to_integer<std::uint32_t>(b[2]) << 8 | std::to_integer<std::uint32_t>(b[3]);
}

inline FrameHeader FrameHeader::decode(std::span<const std::byte, size> b) noexcept {
    const auto w = decode_be32(b);
    return {.length = w & max_length, .more = (w & more_bit) != 0, .continued = (w & continued_bit) != 0};
}
inline std::array<std::byte, FrameHeader::size> FrameHeader::encode() const noexcept {
    return encode_be32(length | (more ? more_bit : 0) | (continued ? continued_bit : 0));
}

}  // namespace wye
