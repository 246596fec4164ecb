// Certificates to be thrown away: for the tour, the bench and the tests.
#pragma once
#include "wye/transport/tls.hpp"

#include <optional>

namespace wye::tls {

/// An authority, a certificate for 127.0.0.1, ::1 and localhost, and its key: for a day, in `directory`, each file
/// beginning with `prefix`.
Result<TlsIdentity> make_files(const std::string& directory, const std::string& prefix = "");

/// The same in a directory of this process's own, made once, gone when it ends.
std::optional<TlsIdentity> throw_away_files();

}  // namespace wye::tls
