// The table of limits in words: what `wye limits` and `wye explain` both say.
#pragma once
#include "os/limits/limit.hpp"
#include "table.hpp"

#include <optional>
#include <string>

namespace wye::cli {

/// "31,911", "23.1 GiB", "unlimited".
std::string amount(sys::Unit, std::uint64_t);
/// "ipc:[4026531839]", "user carol", "pid 900 nginx", "system"; escaped.
std::string place_of(const sys::Limit&, const sys::Reading&);
/// "31,911 of 32,000 used in ipc:[4026531839]", or why that is not known.
std::string use_of(const sys::Limit&, const sys::Reading&);

/// "No space left on device", "Bus error"; empty for what is no name.
std::string errno_text(std::string_view name);
/// `ENOSPC "No space left on device"`; "no error" for "".
std::string given(std::string_view name);
Json json_of(const sys::Fault&);

}  // namespace wye::cli
