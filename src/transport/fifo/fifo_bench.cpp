#include "wye/transport/fifo.hpp"

#include "byte_stream.hpp"

namespace {

struct Ends {
    wye::FifoReader reader;
    wye::FifoWriter writer;
};

// The name is gone before the first message: nothing is left behind, however the bench ends.
Ends make() {
    std::string directory = "/tmp/wye-bench-XXXXXX";
    if (!::mkdtemp(directory.data())) std::abort();
    const auto path = directory + "/fifo";
    auto reader = wye::or_throw(wye::FifoReader::open(path, {.create = wye::Create::exclusive}));
    auto writer = wye::or_throw(wye::FifoWriter::open(path));
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
    return {std::move(reader), std::move(writer)};
}

const int registered = wye::bench::register_stream("fifo", make);

}  // namespace
