#include "raw.hpp"

#include <sys/utsname.h>

namespace wye::peers {

RawMeans::RawMeans(std::string n, std::string what) {
    utsname kernel{};
    uname(&kernel);
    name = std::move(n), group = "kernel", version = kernel.release, summary = std::move(what);
}

}  // namespace wye::peers

int main(int argc, char** argv) {
    wye::peers::AllMeans all;
    wye::peers::add_streams(all);
    wye::peers::add_queues(all);
    wye::peers::add_tokens(all);
    return wye::peers::peer_main(argc, argv, all);
}
