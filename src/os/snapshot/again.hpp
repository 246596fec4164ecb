// Looking at the same machine again, at less cost.
#pragma once
#include "os/snapshot/calls.hpp"
#include "os/snapshot/name.hpp"

#include <optional>
#include <unordered_map>
#include <vector>

namespace wye::sys {

/// How much each thread has run by now; empty where the kernel does not count it. To be asked before anything else is
/// read of the process: what it does meanwhile then shows the next time.
std::vector<Ran> how_they_ran(Reader&, ProcessDir process, std::int32_t pid, std::uint64_t threads);

/// The processes of an earlier look.
class Before {
public:
    explicit Before(Snapshot& before);
    /// That process as it is, where it has not run since; it is then taken out of the earlier look. Several threads may
    /// ask at once, for each process one.
    std::optional<SeenProcess> still(Reader&, int proc, std::int32_t pid) const;

    bool nobody() const noexcept { return by_pid_.empty(); }

private:
    std::uint32_t looks_;
    bool hides_locks_;
    std::unordered_map<std::int32_t, SeenProcess*> by_pid_;
};

}  // namespace wye::sys
