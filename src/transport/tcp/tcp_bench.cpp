#include "wye/transport/tcp.hpp"

#include "socket_bench.hpp"

namespace wye {
namespace {

const int registered = [] {
    bench::add("tcp", bench::Raw::framed, [] {
        auto l = or_throw(TcpListener::listen("127.0.0.1", "0"));
        auto from = or_throw(TcpSocket::connect("127.0.0.1", std::to_string(l.port())));
        return std::pair(std::move(from), or_throw(l.accept()));
    });
    return 0;
}();

}  // namespace
}  // namespace wye
