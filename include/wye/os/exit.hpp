#pragma once
#include <string>

namespace wye {

/// How a process ended. `known` is false when somebody else reaped it (SIGCHLD is ignored, or a loop waits for every
/// child) and the kernel is older than 6.15, which keeps the answer with the pidfd.
struct Exit {
    int status = 0;  ///< valid when signal is 0
    int signal = 0;
    bool known = true;
    bool ok() const noexcept { return status == 0 && signal == 0; }
    std::string text() const;  ///< "exit status 2", "killed by signal 9"
};

}  // namespace wye
