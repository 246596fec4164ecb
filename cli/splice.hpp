// Moving bytes from descriptor to descriptor inside the kernel, with a copy only where it cannot.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <cstdint>
#include <functional>

namespace wye::cli {

bool is_pipe(int fd) noexcept;

/// A pipe of our own, as large as this user may have it (1 MiB), for what is on its way.
struct Transit {
    Fd read, write;
    std::size_t capacity = 0;
};
Result<Transit> make_transit();

/// As large as this user may have it; what the kernel refuses stays as it is.
std::size_t widen(int pipe) noexcept;

/// Waits for input; false at a signal or when nobody is left to write.
bool wait_input(int fd) noexcept;

/// Moves up to `most` bytes from a pipe into any descriptor and answers how many; copies where the target cannot be
/// spliced to (a file opened for appending, some terminals). Errc::closed when its reader is gone.
class Mover {
public:
    Result<std::size_t> move(int pipe, int to, std::size_t most);
    /// After a failed move: bytes that left the pipe and reached nobody.
    std::size_t spilt() const noexcept { return spilt_; }
    /// Exactly `bytes`, or an error; ends early only at a signal.
    Result<> move_all(int pipe, int to, std::size_t bytes);

private:
    bool copies_ = false;
    std::size_t spilt_ = 0;
};

}  // namespace wye::cli
