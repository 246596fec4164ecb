// Who is connected with whom by what, read out of an inventory: what `wye map` draws.
#pragma once
#include "wye/core/inventory.hpp"

#include <set>
#include <vector>

namespace wye {

/// A process at an object: bytes go from it, to it, or both ways (memory, sockets, locks).
struct Link {
    const Item* item = nullptr;
    const Holder* holder = nullptr;  ///< null: one that the kernel counts and nobody shows
    bool gives = false, takes = false;
};

struct LinksWanted {
    std::optional<std::int32_t> pid;  ///< only what is near this process
    unsigned hops = 1;                ///< objects away from it
    bool alone = false;               ///< objects too that only one process has
};

/// One link for each process and object, the objects in the inventory's order. The inventory must outlive them.
std::vector<Link> links_in(const Inventory&, const LinksWanted&);

}  // namespace wye
