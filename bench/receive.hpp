// The two ways to receive: into the caller's place, or left where the message lies, as the raw loops leave it.
#pragma once
#include "wye/core/endpoint.hpp"

namespace wye::bench {

enum class By { recv, view };

template <By by, class E>
auto receive(E& from, MutBytes room) {
    if constexpr (by == By::view)
        return from.recv_view(Deadline::never());
    else
        return from.recv(room, Deadline::never());
}

}  // namespace wye::bench
