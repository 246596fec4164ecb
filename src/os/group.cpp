#include "os/group.hpp"

#include "os/errno.hpp"

#include <grp.h>

#include <cerrno>
#include <charconv>
#include <vector>

namespace wye::sys {

Result<gid_t> group_of(const std::string& name) {
    gid_t number = 0;
    const auto* end = name.data() + name.size();
    if (const auto [stop, wrong] = std::from_chars(name.data(), end, number);
        wrong == std::errc() && stop == end && number != static_cast<gid_t>(-1))
        return number;
    std::vector<char> room(1024);
    group entry{}, *found = nullptr;
    int r;
    while ((r = ::getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE)
        room.resize(room.size() * 2);
    if (found) return found->gr_gid;
    if (r != 0 && r != ENOENT && r != ESRCH) return fail(-r, "getgrnam", name);
    return refuse(Errc::not_found, name + ": there is no such group");
}

}  // namespace wye::sys
