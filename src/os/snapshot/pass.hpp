// The parts of take_snapshot(), each in its file.
#pragma once
#include "os/snapshot/calls.hpp"

#include <functional>
#include <map>

namespace wye::sys {

// A way to each namespace: a process that is in it, or where it is mounted.
using Ways = std::map<std::uint64_t, std::string>;

/// What one thread looks with.
struct Eyes {
    Reader reader;
    std::vector<SeenFd> fds;                     // of the process that is looked at
    std::uint64_t pipe_dev = 0, socket_dev = 0;  // once they are known
    std::uint64_t listed_pid_ns = 0;             // likewise: of whoever has no other number than /proc shows
    bool hides_locks = false;                    // Snapshot::own
    int proc = -1;                               // /proc, in a table of descriptors of its own
};

/// The processes, with their descriptors, maps and calls, by several threads.
/// `before`: to be taken again and again, and what was seen the last time. `meanwhile`: what is done while others look
/// at the last hundred or so.
void take_processes(Snapshot&, Snapshot* before, const std::function<void()>& meanwhile);
/// The descriptors of a process, or of a thread that has its own, from their directory. 0, or why they could not be
/// read.
long take_fds(Eyes&, int fds, SeenProcess&, std::int32_t tid = 0);
/// What the kernel keeps for each namespace of interprocess communication and of networks.
void take_namespaces(Snapshot&, Reader&);
/// Shared memory directories of each mount namespace. Adds namespaces that only a mount keeps to the ways to them.
void take_mounts(Snapshot&, Reader&, Ways& ipc, Ways& net);
/// The maps that `file` below a directory of /proc lists. Private ones count only where they are of System V memory, a
/// memfd or /dev/shm; they cost the whole text. 0, or why they could not be read.
long take_maps(Reader&, int dir, const char* file, bool private_too, std::vector<SeenMap>&);
/// The locks, as /proc/locks has them, and which descriptors have them. After index().
void take_locks(Snapshot&, Reader&, std::string_view table);
/// Descriptors that lie unread in Unix sockets. After index().
void take_in_flight(Snapshot&, Reader&);
/// Sockets, FIFOs and pid files in /run and /tmp.
void take_places(Snapshot&);
void take_queues(const Snapshot&, IpcNamespace&, int directory);
/// Of the network namespace that this thread is in.
bool dump_sockets(NetNamespace&);

}  // namespace wye::sys
