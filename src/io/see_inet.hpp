// What tcp and udp share when they read a snapshot.
#pragma once
#include "io/see.hpp"

namespace wye {

/// "127.0.0.1:80", "[::1]:80", "*:80".
std::string end_text(const sys::InetEnd&, bool v6);

/// Every socket of the kind; a connection whose ends are both on this machine, in one network namespace, is one object.
void see_inet(const sys::Snapshot&, Inventory&, bool udp);

}  // namespace wye
