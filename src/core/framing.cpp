#include "wye/core/framing.hpp"

namespace wye {
namespace {
constexpr std::uint32_t more_bit = 1u << 31, continued_bit = 1u << 30;
constexpr std::string_view names[] = {"frame", "lines", "nul", "raw"};
}  // namespace

std::string_view name(Framing f) noexcept { return names[static_cast<std::size_t>(f)]; }

std::optional<Framing> parse_framing(std::string_view s) noexcept {
    for (std::size_t i = 0; i < std::size(names); ++i)
        if (names[i] == s) return Framing(i);
    return {};
}

std::array<std::byte, 4> encode_be32(std::uint32_t v) noexcept {
    return {std::byte(v >> 24), std::byte(v >> 16), std::byte(v >> 8), std::byte(v)};
}

std::uint32_t decode_be32(std::span<const std::byte, 4> b) noexcept {
    return std::to_integer<std::uint32_t>(b[0]) << 24 | std::to_integer<std::uint32_t>(b[1]) << 16 |
           std::to_integer<std::uint32_t>(b[2]) << 8 | std::to_integer<std::uint32_t>(b[3]);
}

FrameHeader FrameHeader::decode(std::span<const std::byte, size> b) noexcept {
    const auto w = decode_be32(b);
    return {.length = w & max_length, .more = (w & more_bit) != 0, .continued = (w & continued_bit) != 0};
}

std::array<std::byte, FrameHeader::size> FrameHeader::encode() const noexcept {
    return encode_be32(length | (more ? more_bit : 0) | (continued ? continued_bit : 0));
}

}  // namespace wye
