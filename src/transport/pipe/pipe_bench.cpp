#include "wye/transport/pipe.hpp"

#include "byte_stream.hpp"

namespace {
const int registered = wye::bench::register_stream("pipe", [] { return wye::or_throw(wye::make_pipe()); });
}  // namespace
