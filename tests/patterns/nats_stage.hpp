// NATS for the suites: a server for all of them, and names that nobody uses.
#pragma once
#include "wye/process/nats_server.hpp"

#include "patterns/stage.hpp"

namespace wye::test {

/// Behind the others, where there is a server to be had. `streams`: once more, with a stream that keeps what is
/// published; without one NATS has no history.
inline std::vector<Subject> with_nats(std::vector<Subject> all, bool streams = false) {
    struct Nats final : Stage {
        explicit Nats(bool stream) {
            static const NatsServer server = or_throw(NatsServer::start({}));
            const auto name = unique_name("p");
            first = others = server.uri(name) + (stream ? "&stream=" + name : "");
        }
    };
    for (const auto* c : carrier::carriers()) {
        if (c->scheme != "nats" || !NatsServer::available()) continue;
        auto able = c->able;
        if (streams) {
            all.push_back({"nats_stream", able, [] { return std::make_unique<Nats>(true); }});
            able.history = false;
        }
        all.push_back({"nats", able, [] { return std::make_unique<Nats>(false); }});
    }
    return all;
}

}  // namespace wye::test
