// One writer that waits for nobody: what a message costs it, with so many subscribers, and while nobody sleeps.
#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"

#include "cases.hpp"

namespace wye::bench {
namespace {

struct Broadcast {
    std::string name = own_name("fan");
    ShmOptions options;
    Broadcast() {
        options.made.shape = ring::Shape::broadcast;
        options.policy = ring::Policy::drop;
    }
    ~Broadcast() { (void)wye::remove("shm:" + name); }
};

void publish(const Args& a) {
    Broadcast b;
    pin(a, Side::parent);
    auto out = must(ShmWriter::open(b.name, b.options));
    std::vector<ShmReader> subscribers;
    for (std::size_t i = 0; i < a.number("subscribers", 1); ++i)
        subscribers.push_back(must(ShmReader::open(b.name, b.options)));
    const std::vector<std::byte> message(a.number("bytes", 48));
    print_ns(ns_each(4096, 100, [&] { must(out.send(message)); }));
}

/// The same lane and the same message, and nobody looks whether somebody sleeps: the bare algorithm.
void publish_bare(const Args& a) {
    pin(a, Side::parent);
    constexpr std::size_t granules = 1024;
    struct Bare {
        ring::Header header;
        ring::LaneHeader lane;
        alignas(64) ring::Slot slots[granules];
    };
    auto& bare = shared<Bare>();
    const ring::LaneView view{&bare.lane, bare.slots, granules};
    ring::begin_lane(view, 0);
    ring::LaneWriter lane(view);
    ring::Gate gate({&bare.header, nullptr, 0}, granules);
    const std::vector<std::byte> message(a.number("bytes", 48));
    print_ns(ns_each(4096, 100, [&] {
        if (!lane.put(ring::Kind::bytes, message.size(), gate,
                      [&](std::byte* to) { ring::copy_shared(to, message.data(), message.size()); }))
            give_up("no room");
    }));
}

const Cases cases{{"publish", publish}, {"publish-bare", publish_bare}};

}  // namespace
}  // namespace wye::bench
