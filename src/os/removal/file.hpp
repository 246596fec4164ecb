// Files out of the way: shared memory, semaphores, pid files, FIFOs, sockets. Nobody who comes in the middle of it is
// left with a file that has no name.
//
// 1. set_aside(): the file gets another name beside its own. Where the kernel has leases, one is held meanwhile: it is
//    given only when nobody has the file, and lost when somebody who found the name earlier opens it; then the file
//    gets its name back before that one goes on.
// 2. settle(), a moment later: the lease again, for whoever was stopped between finding the name and opening it has it
//    by now. Then the contents go to the store, and the file goes.
#pragma once
#include "os/removal/relic.hpp"

namespace wye::sys {

/// How long who has found a name may take to open it.
inline constexpr std::int64_t late_opener = 20'000'000;  // nanoseconds

/// What lies at `path` below the directory, if it is that file and has not changed since; `aside` is the name it shall
/// get. Errc::not_found, Errc::mismatch. Opens nothing but the directory.
Result<Relic> find_file(const std::string& directory, const std::string& file, std::string aside);

/// Files "PREFIX..." beside it, as find_file() has them.
Result<std::vector<std::string>> files_beside(const std::string& directory, const std::string& prefix);

/// Errc::busy: somebody has it, or came for it: it has its name. Errc::mismatch: by now the name is another file's.
/// `free` is asked of what has no lease; without it, such a file is refused (Errc::unsupported).
Result<> set_aside(const Relic&, const StillFree& free);

/// Errc::busy and `free` as above. Keeps the contents in `store` if the relic has a name for them, and removes the file
/// unless it stays.
Result<> settle(const Relic&, int store, const StillFree& free);

/// Whether it lies under its other name.
bool is_aside(const Relic&);

Result<std::vector<std::string>> put_back_file(const Relic&, int store);
Result<> forget_file(const Relic&, int store);

}  // namespace wye::sys
