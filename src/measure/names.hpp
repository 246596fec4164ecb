// What has a name on this machine and can stay when all who used it are gone.
#pragma once
#include <set>
#include <string>

namespace wye::measure {

/// Shared memory and message queues, of POSIX and of System V, and what is in `directory`. Others' too: what came is
/// what is there only afterwards, and somebody else's may be among it.
std::set<std::string> names_on_this_machine(const std::string& directory);

}  // namespace wye::measure
