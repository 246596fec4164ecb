// Moving bytes through any descriptor: what a socket, a pipe, a terminal and a file each need is settled here.
#pragma once
#include <cstdint>

#include "os/syscall.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

namespace wye::sys {

enum class Kind : std::uint8_t { socket, pipe, other };  // other: regular files, terminals, devices
Kind kind_of(int fd) noexcept;

/// Reads at least one byte, or answers 0 at the end. Errc::timed_out when the deadline passes first.
///
/// The descriptor's O_NONBLOCK flag is never touched, because an inherited description is shared with strangers: where
/// the deadline is not never(), each read is made non-blocking by itself (MSG_DONTWAIT, RWF_NOWAIT), and where the
/// kernel cannot (pipes before Linux 6.4) a timer interrupts it.
Result<std::size_t> read_some(int fd, Kind, const iovec*, int count, Deadline);

/// Writes at least one byte. A vector of at most PIPE_BUF bytes into a pipe is written whole or not at all.
/// Never raises SIGPIPE; a missing reader is Errc::closed.
Result<std::size_t> write_some(int fd, Kind, const iovec*, int count, Deadline);

}  // namespace wye::sys
