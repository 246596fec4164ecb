// Namespaces of their own for what this process starts next.
#pragma once
#include "wye/base/error.hpp"

#include <string>

namespace wye::sys {

/// What is started from here on lives in a new pid namespace, whose first process takes everything in it along when it
/// ends; it and this process are in new ipc and mount namespaces. Without CAP_SYS_ADMIN by way of a user namespace that
/// knows only our own user and group. Only for a process with one thread; there is no way back. Errc::denied or
/// Errc::exhausted with a sentence that says what forbids it. namespaces(7), unshare(2), user_namespaces(7).
Result<> enter_sandbox();

/// In the first process of the new pid namespace: it gets a /proc of its own, and is killed when `parent` (its number
/// outside) ends. What it starts has no more rights than before.
Result<> settle_sandbox(int parent);

/// Which of the usual switches forbids user namespaces here, as half a sentence.
std::string why_no_namespaces();

}  // namespace wye::sys
