// Removing what is in a directory, in the presence of people who do not want us well.
#pragma once
#include "wye/base/error.hpp"

namespace wye::sys {

/// Empties the directory; see TempDir for what it promises. On an error whatever can be removed has been.
Result<> empty_directory(int directory);

}  // namespace wye::sys
