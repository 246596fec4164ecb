// Semaphores in shared pages as `wye ls` shows them.
#include "io/see.hpp"

#include "wye/sync/shm_semaphore.hpp"

namespace wye {

void see_shm_semaphores(const sys::Snapshot& s, Inventory& into) { see_shared_segments(s, into, "shm-sem", "sem"); }

}  // namespace wye
