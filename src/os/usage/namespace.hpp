// A look from inside another ipc or net namespace.
#pragma once
#include "wye/base/error.hpp"

#include <functional>
#include <string>

namespace wye::sys {

/// Calls `f` in a thread of its own that has entered the namespaces behind these paths; empty: stays where it is. What
/// it opens below /proc/thread-self is of that namespace. Nothing of this process is changed: the thread ends with f.
Result<> in_namespaces(const std::string& ipc, const std::string& net, const std::function<void()>& f);

}  // namespace wye::sys
