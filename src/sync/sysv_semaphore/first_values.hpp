// How a set of System V semaphores comes to its first values, whoever is killed meanwhile.
//
// semget(2) makes a set of zeros, and the values come by a second call: between the two the set looks like any other.
// So a set has one member more than its semaphores, the mark. One semop(2) adds the values and the mark, if the mark is
// 0, all at one moment. Whoever knows the values may make that call, so it matters to nobody that another one, between
// the two calls, was killed, was stopped, or is just as far. It also makes sem_otime differ from 0, by which programs
// that know nothing of the mark, but follow the old agreement, tell that a set is ready; and by it we tell theirs.
#pragma once
#include "wye/core/semaphore.hpp"

#include <cstdint>
#include <span>

namespace wye {

struct SysvSet {
    int id = -1;
    unsigned size = 0;  // without the mark
};

Result<SysvSet> open_set(std::int32_t key, Create, unsigned permissions, std::span<const unsigned> initial, Deadline);
Result<SysvSet> find_set(int id, Deadline);

}  // namespace wye
