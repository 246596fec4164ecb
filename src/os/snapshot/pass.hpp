// The parts of take_snapshot(), each in its file.
#pragma once
#include "os/snapshot/calls.hpp"

#include <map>

namespace wye::sys {

// A way to each namespace: a process that is in it, or where it is mounted.
using Ways = std::map<std::uint64_t, std::string>;

/// The processes, with their descriptors, maps and calls.
/// `before`: to be taken again and again, and what was seen the last time.
void take_processes(Snapshot&, Reader&, Snapshot* before);
/// What the kernel keeps for each namespace of interprocess communication and of networks.
void take_namespaces(Snapshot&, Reader&);
/// Shared memory directories of each mount namespace. Adds namespaces that only a mount keeps to the ways to them.
void take_mounts(Snapshot&, Reader&, Ways& ipc, Ways& net);
/// The locks, and which descriptors have them. After index().
void take_locks(Snapshot&, Reader&);
/// Descriptors that lie unread in Unix sockets. After index().
void take_in_flight(Snapshot&, Reader&);
/// Sockets, FIFOs and pid files in /run and /tmp.
void take_places(Snapshot&);
void take_queues(const Snapshot&, IpcNamespace&, int directory);
/// Of the network namespace that this thread is in.
bool dump_sockets(NetNamespace&);

}  // namespace wye::sys
