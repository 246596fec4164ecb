// User ids and their names, as the system's database has them.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

namespace wye::cli {

/// The name, or the number where nobody has it.
std::string user_name(uid_t);

/// A name or a number; nullopt when there is no such user.
std::optional<uid_t> user_id(const std::string&);

}  // namespace wye::cli
