// What unix and socketpair share when they read a snapshot.
#pragma once
#include "io/see.hpp"

namespace wye {

/// `pairs`: connections whose ends have no names; else everything but those.
void see_unix(const sys::Snapshot&, Inventory&, bool pairs);

}  // namespace wye
