#include "wye/transport/socketpair.hpp"

#include "socket_bench.hpp"

namespace wye {
namespace {

const int registered = [] {
    bench::add("socketpair", bench::Raw::framed, [] {
        auto pair = or_throw(make_socketpair());
        return std::pair(std::move(pair.first), std::move(pair.second));
    });
    return 0;
}();

}  // namespace
}  // namespace wye
