// /dev/shm/wye-UID: where what this user's programs share lies.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <string>

namespace wye {

std::string user_directory();

/// Open, and known to be this user's alone (0700): /dev/shm is everybody's, and what lies there under our name may be
/// somebody else's (Errc::denied).
Result<Fd> open_user_directory(bool make);

/// If nothing is left in it.
void remove_user_directory() noexcept;

}  // namespace wye
