// Rings as `wye ls` shows them: the ring and the banks of its loans are one.
#include "io/see.hpp"

#include "wye/transport/shm_ring.hpp"

namespace wye {

void see_rings(const sys::Snapshot& s, Inventory& into) { see_shared_segments(s, into, "shm", "ring", "loan"); }

}  // namespace wye
