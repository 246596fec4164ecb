// What `wye inspect` shows of shared memory: where it is mapped, and when it was used.
#pragma once
#include "wye/core/mechanism.hpp"

#include "os/snapshot/snapshot.hpp"

namespace wye {

/// A row: which process has it where. One that has it twice is two rows.
void add_mapping(const sys::SeenProcess&, const sys::SeenMap&, Inspection&);

/// "0755", as ls(1) and chmod(1) have it.
std::string mode_text(std::uint32_t permissions);

/// "2026-03-01T12:00:00Z"; "never" where it is 0.
std::string time_text(std::int64_t seconds);

}  // namespace wye
