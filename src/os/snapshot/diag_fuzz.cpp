// Any datagram for an answer of the kernel's socket diagnosis: no length in it leads out of it.
#include "os/snapshot/parse.hpp"

#include <cstdint>
#include <cstdlib>

using namespace wye;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    std::vector<sys::UnixSocket> local;
    std::vector<sys::InetSocket> inet;
    const auto a = sys::parse_unix_diag(bytes, local);
    const auto b = sys::parse_inet_diag(bytes, size % 2 == 0, inet);
    if (a.error < 0 || b.error < 0 || a.done != b.done) std::abort();
    // Each has a header of 16 bytes at the least.
    if (local.size() > size / 16 || inet.size() > size / 16) std::abort();
    for (const auto& s : local)
        if (s.name.size() > size || s.waiting.size() > size / 4) std::abort();
    return 0;
}
