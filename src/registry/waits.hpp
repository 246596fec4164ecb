// Who waits for whom, read out of an inventory: what `wye wait` shows.
#pragma once
#include "wye/core/inventory.hpp"

#include <vector>

namespace wye {

/// A thread that waits for something, and the processes that could end that.
struct Wait {
    const Item* item = nullptr;
    Waiter who;
    std::vector<const Holder*> by;  ///< one of each process; empty: nobody is seen who could
    bool all = false;               ///< each of them must (a lock that several share), not any
    bool sure = false;              ///< nobody else could: not so of a semaphore, which anybody may post
    bool stuck = false;             ///< whoever could end it waits too, for one that is stuck
};

/// Of all that wait; `stuck` is a process with a thread that waits so, whatever its other threads do. The inventory
/// must outlive them.
std::vector<Wait> waits_in(const Inventory&);

/// Rings of processes each of which waits for the next and the last for the first: positions in `waits`. Each ring
/// once.
std::vector<std::vector<std::size_t>> cycles_in(const std::vector<Wait>& waits);

}  // namespace wye
