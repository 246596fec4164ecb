#include "io/see_maps.hpp"

#include <cstdio>
#include <ctime>

namespace wye {
namespace {

std::string hex(std::uint64_t n) {
    char text[20];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(n));
    return text;
}

}  // namespace

void add_mapping(const sys::SeenProcess& p, const sys::SeenMap& m, Inspection& into) {
    into.parts.push_back({"mapping",
                          {{"pid", static_cast<std::uint64_t>(p.pid)},
                           {"command", p.comm},
                           {"from", hex(m.start)},
                           {"to", hex(m.end)},
                           {"offset", m.offset},
                           {"writes", m.write}}});
}

std::string mode_text(std::uint32_t permissions) {
    char text[8];
    std::snprintf(text, sizeof text, "%04o", permissions & 0777);
    return text;
}

std::string time_text(std::int64_t seconds) {
    if (seconds == 0) return "never";
    const auto t = static_cast<std::time_t>(seconds);
    std::tm parts{};
    char text[32];
    if (!::gmtime_r(&t, &parts) || std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) return "?";
    return text;
}

}  // namespace wye
