#pragma once
#include "wye/base/error.hpp"

#include <functional>

namespace wye {

/// For a main() of a few lines: runs it, prints the Error to standard error, returns 0 or 1.
int run_main(const std::function<Result<>()>&);

}  // namespace wye
