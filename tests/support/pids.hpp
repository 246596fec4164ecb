// Numbers of processes that are given again, when a test wants it.
#pragma once
#include <sys/types.h>

#include <functional>

namespace wye::test {

/// In a child: runs `body` in a process of a pid namespace of its own, with the /proc that belongs to it; true when it
/// returned true. False where this user may make none. Nobody else takes numbers there.
bool in_own_pids(const std::function<bool()>& body);
bool may_have_own_pids();

/// There: the next process gets this number.
bool recycle(pid_t);

}  // namespace wye::test
