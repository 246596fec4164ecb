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
    bool by_last = false;           ///< `by` is only who was last at it, for nobody holds it
    bool stuck = false;             ///< whoever could end it waits too, for one that is stuck; and nobody else could
    bool likely_stuck = false;      ///< the same as far as is seen: of those who could end it only `by` is known
};

/// Of all that wait. A process is `stuck` when every one of its threads waits so, and `likely_stuck` when each of them
/// that waits for anybody does. Who has a deadline is neither. The inventory must outlive them.
std::vector<Wait> waits_in(const Inventory&);

/// A ring of processes each of which waits for the next and the last for the first.
struct Ring {
    std::vector<std::size_t> waits;  ///< positions in what waits_in() answered
    bool sure = false;               ///< all of them are `stuck`
};
/// Each ring once, those that are sure first.
std::vector<Ring> rings_in(const std::vector<Wait>&);

}  // namespace wye
