// What the tests of Unix sockets share.
#pragma once
#include "wye/transport/unix.hpp"

#include "support/support.hpp"

#include <string>

namespace wye::test {

struct Two {
    UnixSocket a, b;
};

// A connected pair through a listener: `a` was accepted.
inline Two meet(const std::string& address, UnixOptions o = {}) {
    auto l = or_throw(UnixListener::listen(address, o));
    auto b = or_throw(UnixSocket::connect(address, o, std::chrono::seconds(5)));
    return {or_throw(l.accept(std::chrono::seconds(5))), std::move(b)};
}

}  // namespace wye::test
