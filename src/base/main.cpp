#include "wye/base/main.hpp"

#include <cstdio>

namespace wye {

int run_main(const std::function<Result<>()>& body) {
    const auto r = body();
    if (r) return 0;
    std::fprintf(stderr, "%s\n", r.error().message().c_str());
    return 1;
}

}  // namespace wye
