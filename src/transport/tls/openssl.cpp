#include "transport/tls/openssl.hpp"

#include "os/shared_library.hpp"

namespace wye::tls {
namespace {

Result<> load() {
    auto library = sys::load_library(WYE_OPENSSL_LIBRARY, false);
    if (!library) return refuse(Errc::unsupported, "tls: OpenSSL is missing (libssl): " + library.error().message());
#define WYE_OPENSSL_LOAD(name)                                      \
    {                                                               \
        WYE_TRY(void* const at, sys::function_in(*library, #name)); \
        name = reinterpret_cast<decltype(name)>(at);                \
    }
    WYE_OPENSSL_CALLS(WYE_OPENSSL_LOAD)
#undef WYE_OPENSSL_LOAD
    return {};
}

}  // namespace

Result<> load_openssl() {
    static const auto loaded = load();
    return loaded;
}

}  // namespace wye::tls
