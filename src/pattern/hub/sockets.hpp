// The carriers over stream sockets.
//
// One process listens (`?listen`), whatever its role, and is the hub: it keeps what is published or queued, in its
// memory, and passes it on. The others connect. When it ends, what it kept is gone (Durability::none): a put() that
// succeeded means that the hub has the job, no more. Those who connect come back when another listens there.
#pragma once
#include "wye/pattern/carrier.hpp"

namespace wye::carrier {

extern const Carrier unix_carrier, tcp_carrier, tls_carrier;

}  // namespace wye::carrier
