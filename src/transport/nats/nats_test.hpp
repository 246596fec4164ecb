// A server for the tests of this room and of the patterns on it: one a process, started when it is first wanted.
#pragma once
#include "wye/process/nats_server.hpp"
#include "wye/registry/open.hpp"
#include "wye/transport/nats.hpp"

#include "support/support.hpp"

#include <poll.h>

#include <cstring>
#include <thread>

namespace wye::test {

inline NatsServer& nats_server() {
    static NatsServer server = or_throw(NatsServer::start({}));
    return server;
}

inline Result<std::unique_ptr<engine::Engine>> connect_to(const std::string& uri,
                                                          Deadline d = std::chrono::seconds(5)) {
    WYE_TRY(const auto parsed, Uri::parse(uri));
    WYE_TRY(const auto at, parse_nats(parsed, "nats://127.0.0.1:4222/x"));
    return nats_connect(at.servers, at.options, d);
}

}  // namespace wye::test

#define WYE_NEEDS_NATS() \
    if (!wye::NatsServer::available()) GTEST_SKIP() << "nats-server is not installed (./dev setup)"
