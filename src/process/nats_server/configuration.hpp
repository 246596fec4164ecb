// What our servers are told.
#pragma once
#include "wye/process/nats_server.hpp"

namespace wye::nats_server {

std::string new_secret();  ///< 128 random bits, in hexadecimal
std::string configuration(const NatsServerOptions&, const std::string& password);

}  // namespace wye::nats_server
