// A publisher and those who subscribe, as tests want them.
#pragma once
#include "wye/transport/shm_ring/publisher.hpp"

#include "transport/shm_ring/shm_ring_test.hpp"

#include <future>

namespace wye::test {

/// A path of its own, and nothing of it left.
struct Meeting {
    TempDir dir;
    std::string path = dir / "s";
    ShmPublishOptions how;

    explicit Meeting(ShmPublishOptions o = {}) : how(std::move(o)) {}
    ShmPublisher publisher() const { return or_throw(ShmPublisher::open(path, how)); }
    Result<ShmSubscriber> subscribe(Deadline d = 5s) const { return ShmSubscriber::open(path, {}, d); }
    /// In this process, beside the publisher.
    Result<ShmSubscriber> meet(ShmPublisher& p, ShmSubscribeOptions o = {}) const {
        auto one = std::async(std::launch::async, [&] { return ShmSubscriber::open(path, o, 5s); });
        while (one.wait_for(0s) != std::future_status::ready) (void)p.admit(1ms);
        return one.get();
    }
    ShmSubscriber subscriber(ShmPublisher& p, ShmSubscribeOptions o = {}) const { return or_throw(meet(p, o)); }
};

/// So many more, however soon they leave.
inline void admit(ShmPublisher& p, unsigned most) {
    const Deadline d = 5s;
    for (unsigned n = 0; n < most && !d.passed();) n += p.admit(d).value_or(0);
}

inline std::size_t length_of(std::uint64_t number) { return number * 37 % 300; }

/// Everything that comes, each what it should be, until the end: which one that was. `count`: how many came.
inline Errc read_all(ShmSubscriber& s, std::uint64_t& count, Deadline d = 10s) {
    for (;;) {
        const auto got = s.recv_view(d);
        if (!got) return got.error().kind();
        const auto number = count++ + s.lost();
        if (text_of(*got) != payload(number, length_of(number))) return Errc::corrupt;
    }
}

inline Result<> send_numbers(ShmPublisher& p, std::uint64_t from, std::uint64_t to) {
    for (auto i = from; i < to; ++i) WYE_CHECK(p.send(bytes_of(payload(i, length_of(i)))));
    return {};
}

}  // namespace wye::test
