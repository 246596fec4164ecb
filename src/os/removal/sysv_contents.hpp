// What is in System V objects, to the store and back.
#pragma once
#include "wye/os/fd.hpp"

#include "os/removal/relic.hpp"

namespace wye::sys {

/// Attached at `at`. Pages that it does not have are not made.
Result<> keep_segment(const Relic&, const void* at, int store);

Result<std::vector<unsigned short>> values_of(const Relic&);
Result<> keep_values(const Relic&, const std::vector<unsigned short>&, int store);

/// Without receiving them. Errc::unsupported where the kernel cannot (it lacks CONFIG_CHECKPOINT_RESTORE).
Result<> keep_messages(const Relic&, std::uint64_t count, int store);

Result<Fd> kept_contents(const Relic&, int store);
/// Into an object that nobody else knows yet.
Result<> fill(const Relic&, int kept);

}  // namespace wye::sys
