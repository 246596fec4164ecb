#include "wye/os/fd.hpp"

#include "os/syscall.hpp"

namespace wye {

void Fd::reset() noexcept {
    // Never retried on EINTR: Linux has already released the number and another thread may own it now.
    if (fd_ >= 0) (void)sys::close(std::exchange(fd_, -1));
}

}  // namespace wye
