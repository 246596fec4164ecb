// What has a name: looked at before it is removed or trusted.
#pragma once
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <string>
#include <string_view>

namespace wye::sys {

/// Removes `path` where it is of the kind S_IFIFO, S_IFREG ..., else Errc::mismatch: "PATH: OTHERWISE". A symbolic
/// link is not followed. A dry run only looks.
Result<> remove_path(const std::string& path, mode_t kind, std::string_view otherwise, bool dry_run);

/// Errc::denied for what neither this user nor root made: somebody may have been waiting for us there.
Result<> trust_maker(uid_t maker, std::string_view what);

}  // namespace wye::sys
