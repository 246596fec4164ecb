// What kind of file system a file lies on: what other machines write too, the locks of this kernel do not cover.
#pragma once
#include "wye/base/error.hpp"

#include <string_view>

namespace wye::sys {

/// "NFS", "SMB" ... where other machines may have the file as well, empty where only this one has. FUSE is taken to be
/// a network, for nobody can tell.
Result<std::string_view> network_of(int fd);

/// Errc::unsupported on such a file system. `remedy` ends the sentence.
Result<> refuse_network(int fd, std::string_view path, std::string_view remedy);

}  // namespace wye::sys
