#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

namespace wye {

/// A descriptor of its own that is readable whenever `fd` is readable (or, `for_writing`, writable): for an event loop
/// that wants to own what it watches, and to set O_NONBLOCK on it. An epoll(7) of one; `fd` must outlive its use.
[[nodiscard]] Result<Fd> poll_proxy(int fd, bool for_writing);

}  // namespace wye
