// What lies below a directory, for who asks whether anybody uses it.
#pragma once
#include "os/snapshot/snapshot.hpp"

namespace wye::sys {

struct Tree {
    bool whole = false;       // all of it was seen: no other file system in it, nothing closed to us, not too much
    std::string why;          // else
    std::int64_t newest = 0;  // when anything was changed last, nanoseconds since 1970
    std::size_t entries = 0;
    std::int32_t user = 0;  // a process that has something of it open or mapped, or works in it
    std::string comm;
};

/// Follows no link, crosses no mount, leaves the times as they are; looks at five thousand entries at most. `top` is
/// the file that the path must stand for.
Tree look_through(const std::string& path, FileKey top, const Snapshot&);

}  // namespace wye::sys
