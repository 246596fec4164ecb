// TCP sockets as `wye ls` shows them.
#include "wye/transport/tcp.hpp"

#include "io/see_inet.hpp"

namespace wye {

void see_tcp(const sys::Snapshot& s, Inventory& into) { see_inet(s, into, false); }

}  // namespace wye
