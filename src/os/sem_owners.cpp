#include "os/sem_owners.hpp"

#include "os/sem_calls.hpp"

#include <algorithm>

namespace wye::sys {

std::vector<std::int32_t> last_operators(std::int32_t set) {
    std::vector<std::int32_t> all;
    for (int n = 0; n < 100; ++n) {
        const long pid = sys::semctl(set, n, GETPID);
        if (pid < 0) break;
        const auto p = static_cast<std::int32_t>(pid);
        if (p != 0 && std::ranges::find(all, p) == all.end()) all.push_back(p);
    }
    return all;
}

}  // namespace wye::sys
