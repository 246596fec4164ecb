// The kernel's means in bare system calls: what each room of wye is compared with.
#pragma once
#include "peer.hpp"

namespace wye::peers {

void add_streams(AllMeans&);  // pipes and sockets
void add_queues(AllMeans&);
void add_tokens(AllMeans&);  // what tells that something happened

/// What the kernel answered, or its errno thrown. Interrupted calls are made again.
template <class Call>
auto done(const char* name, Call&& call) {
    for (;;) {
        const auto r = call();
        if (r >= 0) return r;
        if (errno != EINTR) fail(name);
    }
}

/// Likewise, looking again and again while it says that there is nothing.
template <class Call>
auto done(const char* name, bool poll, int nothing, Call&& call) {
    for (;;) {
        const auto r = call();
        if (r >= 0) return r;
        if (poll && errno == nothing)
            relax();
        else if (errno != EINTR)
            fail(name);
    }
}

struct RawMeans : Means {
    RawMeans(std::string n, std::string what);
};

}  // namespace wye::peers
