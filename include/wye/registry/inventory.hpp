#pragma once
#include "wye/core/inventory.hpp"
#include "wye/registry/open.hpp"

#include <string_view>
#include <vector>

namespace wye {

/// All interprocess communication on this machine that this process may see (`wye ls`), with its holders and who waits.
///
/// Changes nothing: no object is made, no FIFO, socket or pipe is opened, nobody is woken. What it may not see is no
/// error: Coverage says what is missing. It is a view of several moments: objects come and go while it is taken.
/// Threads: any; enters other namespaces, where it may, in a short-lived thread of its own.
Inventory take_inventory();

/// What Item::kind can be, in the order in which they are listed.
std::vector<std::string_view> inventory_kinds();

}  // namespace wye
