#pragma once
#include "wye/pattern/payload.hpp"

#include <nlohmann/json.hpp>

namespace wye {

/// A Serial for whatever nlohmann::json can convert (NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE, to_json and from_json): its
/// JSON text, so that any program can read along. Needs nlohmann-json3-dev where it is included; the library does not.
///
///     NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, customer, items)
///     template <> struct wye::Serial<Order> : wye::JsonSerial<Order> {};
///
/// What hurts: a parse a message. CborSerial is the same in CBOR (RFC 8949): shorter, and bytes stay bytes.
template <class T>
struct JsonSerial {
    static void write(const T& v, std::vector<std::byte>& to) {
        const auto text = nlohmann::json(v).dump();
        const auto bytes = bytes_of(std::string_view(text));
        to.insert(to.end(), bytes.begin(), bytes.end());
    }
    static Result<T> read(Bytes from) {
        return pattern_read([&] { return nlohmann::json::parse(text_of(from)); });
    }

protected:
    // The library's exceptions end here: what does not parse, or is no T, is the sender's mistake.
    template <class Parse>
    static Result<T> pattern_read(Parse&& parse) {
        try {
            return parse().template get<T>();
        } catch (const nlohmann::json::exception& e) {
            return refuse(Errc::mismatch, e.what());
        }
    }
};

template <class T>
struct CborSerial : JsonSerial<T> {
    static void write(const T& v, std::vector<std::byte>& to) {
        const auto cbor = nlohmann::json::to_cbor(nlohmann::json(v));
        const auto* p = reinterpret_cast<const std::byte*>(cbor.data());
        to.insert(to.end(), p, p + cbor.size());
    }
    static Result<T> read(Bytes from) {
        const auto* p = reinterpret_cast<const std::uint8_t*>(from.data());
        return JsonSerial<T>::pattern_read([&] { return nlohmann::json::from_cbor(p, p + from.size()); });
    }
};

}  // namespace wye
