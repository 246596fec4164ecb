#include "io/sysv_address.hpp"

#include "wye/base/text.hpp"

#include "os/sysv_key.hpp"

namespace wye {

Result<SysvAddress> sysv_address(const Uri& uri, std::string_view example) {
    const auto a = uri.address();
    const auto scheme = std::string(uri.scheme());
    const auto by_key = scheme + ":key=0x51";
    const bool id = a.starts_with("id=");
    if (id || a.starts_with("key=")) {
        if (uri.fragment()) return uri.refuse("'#' belongs to a path, not to a key or an id", by_key);
        const auto n = parse_number(a.substr(id ? 3 : 4));
        if (!n || *n > (id ? INT32_MAX : UINT32_MAX))
            return uri.refuse("not a number of 32 bits", id ? scheme + ":id=5" : by_key);
        if (!id && *n == 0) return uri.refuse("the key 0 (IPC_PRIVATE) makes another object each time", by_key);
        return SysvAddress{id, static_cast<std::int32_t>(static_cast<std::uint32_t>(*n)), {}};
    }
    if (!a.starts_with("/")) return uri.refuse("neither an absolute path nor a key", example);
    if (!uri.fragment()) return uri.refuse("no #number after the path", example);
    const auto n = parse_number(*uri.fragment());
    if (!n || *n < 1 || *n > 255) return uri.refuse("the number after '#' is from 1 to 255", example);
    auto key = sys::sysv_key(std::string(a), static_cast<unsigned>(*n));
    if (!key && key.error().is(Errc::not_found))
        return refuse(Errc::not_found, std::string(uri.text()) + ": the file " + std::string(a) +
                                           ", which the key is made from, does not exist");
    if (!key) return std::unexpected(std::move(key).error());
    return SysvAddress{false, *key, std::string(a)};
}

}  // namespace wye
