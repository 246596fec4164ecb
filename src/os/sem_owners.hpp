// Who operated on a System V set.
#pragma once
#include <cstdint>
#include <vector>

namespace wye::sys {

/// The processes that operated last on its members (the first hundred), each once; nobody where it may not be read, or
/// where they are of another pid namespace. semctl(2), GETPID
std::vector<std::int32_t> last_operators(std::int32_t set);

}  // namespace wye::sys
