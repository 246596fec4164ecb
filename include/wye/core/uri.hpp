#pragma once
#include "wye/base/error.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace wye {

/// A parameter a room understands: `unix:/x?type=seqpacket`.
struct Param {
    std::string_view name;
    std::string_view values;  ///< "stream|seqpacket|dgram", "SIZE", or "" for a flag
    std::string_view help;
};

/// The address of an object: `scheme:address?parameters#fragment`.
///
///     pipe:   fifo:/run/app/in   unix:@app?type=seqpacket&listen   tcp://[::1]:7000   sysv-mq:/etc/hostname#7
///
/// Which end one is is always said the same way: `?listen`. `%XX` stands for a byte that would otherwise mean
/// something ('?', '#', '%', and a space inside an argument of exec:). Errors are Errc::bad_address with one
/// sentence that names the part and shows a right one.
class Uri {
public:
    struct Pair {
        std::string name, value;
        bool has_value = false;
    };

    static Result<Uri> parse(std::string_view text);

    std::string_view scheme() const noexcept { return scheme_; }
    std::string_view address() const noexcept { return address_; }  ///< decoded
    std::string_view raw_address() const noexcept {
        return raw_;
    }  ///< as written, for rooms that split before decoding
    const std::optional<std::string>& fragment() const noexcept { return fragment_; }
    std::string_view text() const noexcept { return text_; }

    bool has(std::string_view param) const noexcept { return find(param) != nullptr; }
    std::optional<std::string_view> get(std::string_view param) const noexcept;

    // Typed parameters; `otherwise` where it is not given.
    Result<std::uint64_t> number(std::string_view param, std::uint64_t otherwise) const;
    Result<std::uint64_t> size(std::string_view param, std::uint64_t otherwise) const;
    /// The index of the value in `choices`; the first is the default.
    Result<std::size_t> choice(std::string_view param, std::span<const std::string_view> choices) const;
    /// True when the flag is given; a flag with a value is refused.
    Result<bool> flag(std::string_view param) const;

    /// Refuses parameters that are not in `known`, and a fragment unless `fragment` is allowed.
    Result<> check(std::span<const Param> known, std::string_view example, bool fragment = false) const;

    /// The sentence of a refusal: `unix:/x?typ=stream: unknown parameter "typ"; write unix:/x?type=stream`.
    std::unexpected<Error> refuse(std::string_view what, std::string_view example = {}) const;

private:
    const Pair* find(std::string_view name) const noexcept;

    std::string text_, scheme_, raw_, address_;
    std::vector<Pair> params_;
    std::optional<std::string> fragment_;
};

/// The address of what lies at a path: it may not be empty.
Result<std::string> parse_path(const Uri&, std::string_view example);

struct HostPort {
    std::string host;  ///< without brackets; empty: every local address when listening, loopback when connecting
    std::string port;
};
/// The `//host:port` of tcp and udp: `//127.0.0.1:7000`, `//[::1]:7000`, `//:7000`.
Result<HostPort> parse_host_port(const Uri&, std::string_view example);

/// %XX decoded; nullopt when a % is not followed by two hexadecimal digits, or for a zero byte.
std::optional<std::string> percent_decode(std::string_view);
std::string percent_encode(std::string_view);

}  // namespace wye
