// Moving bytes through any descriptor: what a socket, a pipe, a terminal and a file each need is settled here.
#pragma once
#include "os/syscall.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/port.hpp"

namespace wye::sys {

/// Reads at least one byte, or answers 0 at the end. Errc::timed_out when the deadline passes first.
Result<std::size_t> read_some(int fd, Port&, const iovec*, int count, Deadline);

/// Writes at least one byte. A vector of at most PIPE_BUF bytes into a pipe is written whole or not at all.
/// Never raises SIGPIPE; a missing reader is Errc::closed.
Result<std::size_t> write_some(int fd, Port&, const iovec*, int count, Deadline);

}  // namespace wye::sys
