// UDP sockets as `wye ls` shows them.
#include "wye/transport/udp.hpp"

#include "io/see_inet.hpp"

namespace wye {

void see_udp(const sys::Snapshot& s, Inventory& into) { see_inet(s, into, true); }

}  // namespace wye
