// The work that every means does alike: to and fro, and one way. A means is a class M, made before the two processes
// part; in each of them M::open(Side) answers something with send(bytes) and recv(into): a message each, no copy kept.
#pragma once
#include "two.hpp"

namespace wye::bench {

/// One way: half of to and fro. Each message is written anew by who sends it, and copied out by who receives it.
template <class M>
void ping_pong(const Args& a) {
    const auto size = a.number("bytes", 48), n = a.number("n", 20000), warm = n / 10;
    M means(a);
    const auto side = [&](Side s, auto&& loop) {
        auto link = means.open(s);
        std::vector<std::byte> out(size, std::byte{1}), in(size);
        for (std::size_t i = 0; i < n + warm; ++i) loop(link, out, in, i);
    };
    Child child(a, [&] {
        side(Side::child, [](auto& link, auto& out, auto& in, auto) {
            link.recv(in);
            touched(in.data());
            link.send(out);
        });
        for (;;) ::pause();  // so that what it opened stays until the other has read it all
    });
    pin(a, Side::parent);
    std::vector<std::uint64_t> took;
    took.reserve(n);
    side(Side::parent, [&](auto& link, auto& out, auto& in, std::size_t i) {
        const auto begin = ticks();
        out[0] = static_cast<std::byte>(i);
        link.send(out);
        link.recv(in);
        touched(in.data());
        if (i >= warm) took.push_back(ticks() - begin);
    });
    print_times(std::move(took), 2);
}

/// As fast as they go, measured where they arrive.
template <class M>
void flow(const Args& a) {
    const auto size = a.number("bytes", 8), part = a.number("part", 8192), parts = a.number("parts", 60);
    M means(a);
    Child child(a, [&] {
        auto link = means.open(Side::child);
        std::vector<std::byte> out(size, std::byte{1});
        for (;;) {
            // Counted in the message: a count of its own would be one store more beside the sending, and so would a
            // call be.
            if (std::uint64_t i = 0; size >= sizeof i) [[likely]] {
                std::memcpy(&i, out.data(), sizeof i);
                ++i;
                std::memcpy(out.data(), &i, sizeof i);
            }
            link.send(out);
        }
    });
    pin(a, Side::parent);
    auto link = means.open(Side::parent);
    std::vector<std::byte> in(size);
    const auto one = [&] {
        link.recv(in);
        touched(in.data());
    };
    for (std::size_t i = 0; i < part; ++i) one();
    print_rate(ns_each(part, parts, one));
}

}  // namespace wye::bench
