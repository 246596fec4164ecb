// The bytes of one record of a log. See FileLog for the drawing.
#pragma once
#include "wye/core/framing.hpp"

#include <array>
#include <cstring>

namespace wye::file_log {

constexpr std::size_t head_size = 8, tail_size = 4, around = head_size + tail_size;

std::uint32_t checksum(Bytes payload) noexcept;

struct Head {
    std::uint32_t length, sum;
};
inline Head decode_head(const std::byte* p) noexcept {
    return {decode_be32(std::span<const std::byte, 4>(p, 4)), decode_be32(std::span<const std::byte, 4>(p + 4, 4))};
}
inline std::array<std::byte, head_size> encode_head(Bytes payload, bool summed) noexcept {
    const auto length = encode_be32(static_cast<std::uint32_t>(payload.size())),
               sum = encode_be32(summed ? checksum(payload) : 0);
    std::array<std::byte, head_size> h;
    std::memcpy(h.data(), length.data(), 4);
    std::memcpy(h.data() + 4, sum.data(), 4);
    return h;
}

}  // namespace wye::file_log
