#include "os/user.hpp"

#include "os/errno.hpp"

#include <pwd.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace wye::sys {

Result<uid_t> user_of(const std::string& name) {
    uid_t number = 0;
    const auto* end = name.data() + name.size();
    if (const auto [stop, wrong] = std::from_chars(name.data(), end, number);
        wrong == std::errc() && stop == end && number != static_cast<uid_t>(-1))
        return number;
    std::vector<char> room(1024);
    passwd entry{}, *found = nullptr;
    int r;
    while ((r = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE)
        room.resize(room.size() * 2);
    if (found) return found->pw_uid;
    if (r != 0 && r != ENOENT && r != ESRCH) return fail(-r, "getpwnam", name);
    return refuse(Errc::not_found, name + ": there is no such user");
}

}  // namespace wye::sys
