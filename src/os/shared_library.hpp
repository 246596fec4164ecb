// Shared libraries that are loaded when they are wanted.
#pragma once
#include "wye/base/error.hpp"

namespace wye::sys {

/// Stays for as long as the process. `anew`: one more copy, with variables of its own, for a library whose threads did
/// not come along over a fork(); it is loaded from a memfd, and needs /proc. Errc::not_found.
Result<void*> load_library(const char* name, bool anew);
/// Errc::mismatch where it has no such function.
Result<void*> function_in(void* library, const char* name);

}  // namespace wye::sys
