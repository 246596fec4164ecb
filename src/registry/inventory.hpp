// An inventory of a snapshot that was taken before: for tests, and for who wants more of the snapshot.
#pragma once
#include "wye/registry/inventory.hpp"

namespace wye {

Inventory take_inventory(const sys::Snapshot&);

}  // namespace wye
