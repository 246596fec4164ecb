#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace wye {

using Bytes = std::span<const std::byte>;  ///< to be sent: lent to the callee for the call
using MutBytes = std::span<std::byte>;     ///< to be filled

/// What may cross a process border as it lies in memory: no pointers, no virtual functions, no padding games.
/// (A pointer inside a struct cannot be seen from here; the reader's address space is not ours.)
template <class T>
concept Plain = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && !std::is_pointer_v<T>;

inline Bytes bytes_of(std::string_view s) noexcept { return std::as_bytes(std::span(s)); }
inline std::string_view text_of(Bytes b) noexcept { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

template <Plain T>
    requires(!std::convertible_to<const T&, std::string_view> && !std::convertible_to<const T&, Bytes>)
Bytes bytes_of(const T& v) noexcept {
    return std::as_bytes(std::span(&v, 1));
}

/// memcpy(3) for messages: no bytes from nowhere are allowed, and up to 16 KiB go in parts. Beyond 2 KiB the C library
/// takes `rep movsb`, whose start costs more than it saves there (4 KiB on Zen 5: 40 ns, in parts 24).
inline void copy_bytes(std::byte* to, const std::byte* from, std::size_t n) noexcept {
    for (const std::size_t part = n <= 16384 ? 2048 : n; n > 0;) {
        auto now = n < part ? n : part;
        asm("" : "+r"(now));  // else the compiler sees a constant, and writes `rep movsq` itself
        std::memcpy(to, from, now);
        to += now, from += now, n -= now;
    }
}

}  // namespace wye
