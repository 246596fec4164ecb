#pragma once
#include <sys/types.h>

namespace wye {

/// Who holds a lock on a file, as far as the kernel tells.
struct LockHolder {
    pid_t pid = 0;        ///< 0: somebody whom this process may not see (another user's, or of another pid namespace)
    bool shared = false;  ///< one of perhaps several
};

}  // namespace wye
