// POSIX message queues, which have no second name to be given: the lease is held while they are emptied into the store
// and removed. Receiving cannot be undone, so the messages are received into a mapped file of the store: whoever is
// killed in between has lost none, and what was under way is told by what the kernel still counts.
#pragma once
#include "os/removal/relic.hpp"

namespace wye::sys {

/// Of this IPC namespace. `name` begins with '/'.
Result<Relic> find_queue(const std::string& name);

/// Errc::busy: somebody has it, or came for it: its messages are back. Errc::failed, also: it is removed, and somebody
/// who came in that very moment has it without a name; its messages are kept.
Result<> remove_queue(const Relic&, int store);

Result<std::vector<std::string>> put_back_queue(const Relic&, int store);

}  // namespace wye::sys
