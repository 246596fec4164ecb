// Socket pairs as `wye ls` shows them.
#include "wye/transport/socketpair.hpp"

#include "io/see_unix.hpp"

namespace wye {

void see_socketpairs(const sys::Snapshot& s, Inventory& into) { see_unix(s, into, true); }

}  // namespace wye
