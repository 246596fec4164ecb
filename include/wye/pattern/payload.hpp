#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"

#include <cstring>
#include <string>
#include <vector>

namespace wye {

/// How a type that is not plain becomes bytes: specialise it with the two functions. `read` gets what another process
/// wrote: Errc::mismatch when it is no T.
///
///     template <> struct wye::Serial<Order> {
///         static void write(const Order&, std::vector<std::byte>& to);   // appends
///         static wye::Result<Order> read(wye::Bytes);
///     };
///
/// wye/pattern/json.hpp has it ready for whatever nlohmann::json can convert.
template <class T>
struct Serial;

template <class T>
concept Serialised = requires(const T& v, std::vector<std::byte>& to, Bytes from) {
    Serial<T>::write(v, to);
    { Serial<T>::read(from) } -> std::same_as<Result<T>>;
};

/// What a pattern can carry: bytes as they are, a plain structure as it lies in memory (between programs that have the
/// same one: its size is checked, its meaning is not), anything else through Serial.
template <class T>
concept Payload = std::same_as<T, Bytes> || std::same_as<T, std::string> || Plain<T> || Serialised<T>;

// Plain structures between machines of another byte order, or with other padding, are the caller's business: use
// Serial.

namespace pattern {

/// The bytes of a value; `room` is where they are made when they do not lie ready.
template <Payload T>
Bytes to_bytes(const T& v, std::vector<std::byte>& room) {
    if constexpr (std::same_as<T, Bytes>)
        return v;
    else if constexpr (std::same_as<T, std::string>)
        return bytes_of(std::string_view(v));
    else if constexpr (Serialised<T>) {
        room.clear();
        Serial<T>::write(v, room);
        return room;
    } else
        return std::as_bytes(std::span(&v, 1));
}

template <Payload T>
Result<T> from_bytes(Bytes b) {
    if constexpr (std::same_as<T, Bytes>)
        return b;
    else if constexpr (std::same_as<T, std::string>)
        return std::string(text_of(b));
    else if constexpr (Serialised<T>)
        return Serial<T>::read(b);
    else {
        if (b.size() != sizeof(T))
            return refuse(Errc::mismatch,
                          "got " + std::to_string(b.size()) + " bytes for a structure of " + std::to_string(sizeof(T)));
        T v;
        std::memcpy(&v, b.data(), sizeof v);
        return v;
    }
}

/// Where T lies in `b`, without a copy: null when it cannot be used there.
template <Plain T>
const T* in_place(Bytes b) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(b.data());
    return b.size() == sizeof(T) && at % alignof(T) == 0 ? reinterpret_cast<const T*>(b.data()) : nullptr;
}

}  // namespace pattern
}  // namespace wye
