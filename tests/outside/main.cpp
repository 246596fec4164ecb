#include <wye/registry/open.hpp>
#include <wye/transport/pipe.hpp>

#include <cstdio>

int main() {
    auto pair = wye::or_throw(wye::open_pair("pipe:?framing=lines"));
    wye::or_throw(pair.second.send(wye::bytes_of("from outside")));
    std::byte room[64];
    const auto got = wye::or_throw(pair.first.recv(room, std::chrono::seconds(5)));
    std::printf("%.*s\n", static_cast<int>(got.size()), reinterpret_cast<const char*>(got.data()));
}
