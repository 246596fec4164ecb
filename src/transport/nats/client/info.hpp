// A server's greeting, read before libnats connects to it.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/core/engine.hpp"
#include "wye/core/uri.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wye::nats {

struct Version {
    unsigned major = 0, minor = 0, patch = 0;
    auto operator<=>(const Version&) const = default;
};

struct ServerInfo {
    std::string name, text;  ///< text: the version as it says it
    Version version;
    std::size_t max_payload = 0;
    bool streams = false, headers = false, tls_required = false, tls_available = false, auth_required = false;
};

/// The line `INFO {...}` without its end. Errc::mismatch for anything else: it is a stranger's text.
Result<ServerInfo> parse_info(std::string_view line);

/// What is known against a server of this version, a sentence each.
std::vector<std::string> warnings_of(const Version&);

/// The greeting of the first of these that has one. libnats would connect to what never says a word, or says the wrong
/// ones, again and again, and take memory each time: so whoever listens there is asked first, a bounded number of bytes
/// and until the deadline. Errc::not_found, Errc::timed_out, Errc::mismatch.
Result<ServerInfo> ask(const std::vector<HostPort>& servers, Deadline);

}  // namespace wye::nats
