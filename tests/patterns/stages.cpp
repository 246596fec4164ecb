// Every carrier, for the suites: a line each.
#include "wye/registry/open.hpp"

#include "patterns/nats_stage.hpp"

namespace wye::test {
namespace {

const carrier::Abilities& able(std::string_view scheme) {
    for (const auto* c : carrier::carriers())
        if (c->scheme == scheme) return c->able;
    throw std::runtime_error("no such carrier");
}

// A name that every side says alike, removed at the end.
struct Named final : Stage {
    explicit Named(const std::string& uri) { first = others = uri; }
    ~Named() override { (void)remove(first); }
};
Subject shm(const std::string& name, const std::string& params = "") {
    return {name, able("shm"), [params] { return std::make_unique<Named>("shm:" + unique_name("wye-p") + params); }};
}

// Whoever opens first listens, the others connect to it.
struct Listened final : Stage {
    explicit Listened(const std::string& uri) {
        others = uri;
        first = with_param(uri, "listen");
    }
};
Subject sockets(const std::string& scheme) {
    return {scheme, able(scheme), [scheme]() -> std::unique_ptr<Stage> {
                for (const auto* m : mechanisms())
                    if (m->traits.scheme == scheme && m->scratch) {
                        static const TempDir place;
                        return std::make_unique<Listened>(m->scratch(place.path()).front());
                    }
                throw std::runtime_error("no such means");
            }};
}

// Those that this build has.
std::vector<Subject> with_sockets(std::vector<Subject> all) {
    for (const auto* scheme : {"unix", "tcp", "tls"})
        if (find_mechanism(scheme)) all.push_back(sockets(scheme));
    return all;
}

}  // namespace

std::vector<Subject> pub_sub_subjects() { return with_nats(with_sockets({shm("shm", "?bytes=16K")}), true); }

std::vector<Subject> queue_subjects() {
    return with_nats(with_sockets({
        shm("shm"),
        {"posix_mq", able("posix-mq"), [] { return std::make_unique<Named>("posix-mq:/" + unique_name("wye-p")); },
         true},
        {"sysv_mq", able("sysv-mq"),
         [] { return std::make_unique<Named>("sysv-mq:key=" + std::to_string(0x57000000 + ::getpid())); }, true},
    }));
}

std::vector<Subject> request_subjects() { return with_nats(with_sockets({shm("shm")})); }

}  // namespace wye::test
