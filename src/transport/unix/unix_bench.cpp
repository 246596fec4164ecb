#include "wye/transport/unix.hpp"

#include "socket_bench.hpp"

#include <unistd.h>

namespace wye {
namespace {

// What sends, and what receives.
std::pair<UnixSocket, UnixSocket> meet(UnixType type) {
    const auto name = "@wye-bench-" + std::to_string(::getpid());
    if (type == UnixType::dgram) {
        auto bound = or_throw(UnixSocket::bind(name));
        return {or_throw(UnixSocket::connect(name, {.type = type})), std::move(bound)};
    }
    auto l = or_throw(UnixListener::listen(name, {.type = type}));
    auto from = or_throw(UnixSocket::connect(name, {.type = type}));
    return {std::move(from), or_throw(l.accept())};
}

const int registered = [] {
    bench::add("unix-stream", bench::Raw::framed, [] { return meet(UnixType::stream); });
    bench::add("unix-seqpacket", bench::Raw::named, [] { return meet(UnixType::seqpacket); });
    bench::add("unix-dgram", bench::Raw::named, [] { return meet(UnixType::dgram); });
    return 0;
}();

}  // namespace
}  // namespace wye
