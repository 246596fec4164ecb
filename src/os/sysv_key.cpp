#include "os/sysv_key.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/syscall.hpp"

#include <cstdio>

namespace wye::sys {

Result<std::int32_t> sysv_key(const std::string& path, unsigned project) {
    if (project < 1 || project > 255)
        return refuse(Errc::bad_address, path + "#" + std::to_string(project) + ": the number is from 1 to 255");
    struct stat s{};
    if (const long r = sys::stat(path.c_str(), &s); r < 0) return fail(r, "ftok", path);
    const auto key = (s.st_ino & 0xffff) | (s.st_dev & 0xff) << 16 | std::uint64_t{project} << 24;
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(key));
}

std::string key_text(std::int32_t key) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(key));
    return text;
}

// Marks are counted up: spread by an odd factor (2^64 over the golden ratio), so that neighbours differ in the upper
// bits.
std::int32_t random_key() noexcept { return static_cast<std::int32_t>(unique_mark() * 0x9E3779B97F4A7C15u >> 32 | 1); }

}  // namespace wye::sys
