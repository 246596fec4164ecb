#pragma once
#include "wye/os/fd.hpp"

#include <cstdint>

namespace wye {

/// What is known of a descriptor that bytes are moved through: learnt at its first use, and kept with it.
///
/// The descriptor's O_NONBLOCK flag is never touched, because an inherited description is shared with strangers. Where
/// a single transfer can be made non-blocking (MSG_DONTWAIT, RWF_NOWAIT) that is done. Where it cannot (FIFOs, and
/// pipes before Linux 6.4), a non-blocking twin is opened: a second description of the same pipe, ours alone.
struct Port {
    enum class Kind : std::uint8_t { unknown, socket, pipe, other };  // other: regular files, terminals, devices

    Kind kind = Kind::unknown;
    bool no_nowait = false;  // the kernel refused RWF_NOWAIT here
    bool no_twin = false;    // there is no /proc to open it through
    Fd twin;

    /// Before the descriptor is closed: the twin is an end of its own, which would keep the other side waiting.
    void release() noexcept { twin.reset(); }
};

}  // namespace wye
