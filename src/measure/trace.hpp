#pragma once
#include "wye/base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace wye::measure {

/// Runs a program and counts the system calls of it and of all that it starts (ptrace(2): what it measures meanwhile is
/// worth nothing). Its output is thrown away, and it is ended when it has had so many seconds of a processor.
/// Errc::denied where tracing is not allowed, Errc::failed when the program fails, Errc::timed_out when a signal came
/// for us.
Result<std::uint64_t> count_calls(const std::vector<std::string>& argv, unsigned seconds);

}  // namespace wye::measure
