#include "user_name.hpp"

#include "wye/base/text.hpp"

#include <pwd.h>

#include <map>

namespace wye::cli {

std::string user_name(uid_t id) {
    static std::map<uid_t, std::string> known;  // asking opens a file, or a socket to who knows
    const auto [at, unknown] = known.try_emplace(id);
    if (!unknown) return at->second;
    const auto* p = ::getpwuid(id);
    return at->second = p ? escape(p->pw_name) : std::to_string(id);
}

std::optional<uid_t> user_id(const std::string& text) {
    if (const auto* p = ::getpwnam(text.c_str())) return p->pw_uid;
    const auto n = parse_number(text);
    if (!n || *n >= UINT32_MAX) return {};
    return static_cast<uid_t>(*n);
}

}  // namespace wye::cli
