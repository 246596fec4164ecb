// How a server is told who we are. No secret is taken from anywhere but from a file that only we can read.
#pragma once
#include "wye/transport/nats.hpp"

#include "transport/nats/client/library.hpp"

namespace wye::nats {

/// Reads them once, so that what is wrong with them is said now, and again whenever libnats connects. `options` must
/// outlive the connection.
Result<> set_credentials(natsOptions*, const NatsOptions& options);

/// What lies between the marks of a .creds file: "NATS USER JWT", "USER NKEY SEED". Empty where there is none.
std::string_view section_of(std::string_view creds, std::string_view name) noexcept;

}  // namespace wye::nats
