#include "wye/transport/udp.hpp"

#include "socket_bench.hpp"

namespace wye {
namespace {

const int registered = [] {
    bench::add("udp", bench::Raw::named, [] {
        auto bound = or_throw(UdpSocket::bind("127.0.0.1", "0"));
        auto from = or_throw(UdpSocket::connect("127.0.0.1", std::to_string(bound.port())));
        return std::pair(std::move(from), std::move(bound));
    });
    return 0;
}();

}  // namespace
}  // namespace wye
