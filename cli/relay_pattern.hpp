// wye relay --pub-sub, --queue: a pattern from one carrier to another.
#pragma once
#include "command.hpp"

namespace wye::cli {

/// What is published at `a` is published at `b`, topics and all; goes on when either side goes and comes back.
int relay_publications(const std::string& a, const std::string& b);
/// Each job put at `a` is put at `b`; it is done at `a` when `b` has it, so a relay that dies loses none, and may put
/// one twice.
int relay_jobs(const std::string& a, const std::string& b);

}  // namespace wye::cli
