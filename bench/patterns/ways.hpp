// What a pattern costs in two processes: as fast as it goes, and at a pace. A means is a class M made before the
// processes part; one of them calls sender(), which listens, the other receiver(), which connects; send(bytes) and
// recv(into) are a message each, of a work queue a job with its end.
#pragma once
#include "two.hpp"

#include <sys/prctl.h>
#include <time.h>

#include <optional>

namespace wye::bench {

struct Meeting {
    std::atomic<unsigned> listens{0}, go{0};
    std::atomic<std::uint64_t> warm{0};
};

inline void await(const std::atomic<unsigned>& word, unsigned n) {
    for (unsigned i = 0; word.load() < n; ++i) {
        if (i > 20000) give_up("nobody came");
        usleep(1000);
    }
}

/// Runs `sending` with a sender in a process of its own, and `receiving` with a receiver here.
template <class M, class Sending, class Receiving>
void meet(const Args& a, Sending&& sending, Receiving&& receiving) {
    auto& m = shared<Meeting>();
    M means(a);
    std::optional<Child> child;
    child.emplace(a, [&] {
        auto s = means.sender();
        m.listens = 1;
        await(m.go, 1);
        sending(s);
        for (;;) ::pause();
    });
    pin(a, Side::parent);
    await(m.listens, 1);
    auto r = means.receiver();
    usleep(300'000);  // some are heard only a while after they have connected
    m.go = 1;
    receiving(r);
    child.reset();  // before it sees us go
}

template <class M>
void pattern_flow(const Args& a) {
    const auto size = a.number("bytes", 64), part = a.number("part", size > 1000 ? 2048 : 16384),
               parts = a.number("parts", 40);
    meet<M>(
        a,
        [&](auto& s) {
            std::vector<std::byte> out(size, std::byte{1});
            for (std::uint64_t i = 0;; ++i) {
                std::memcpy(out.data(), &i, sizeof i);
                s.send(out);
            }
        },
        [&](auto& r) {
            std::vector<std::byte> in(size);
            const auto one = [&] {
                r.recv(in);
                touched(in.data());
            };
            for (std::size_t i = 0; i < part; ++i) one();
            // The mean, not the median of parts: what comes in bursts would be flattered.
            const auto begin = ticks();
            for (std::size_t i = 0; i < part * parts; ++i) one();
            print_rate(static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(part * parts));
        });
}

/// From before it is sent until it is in the receiver's hands.
template <class M>
void paced(const Args& a) {
    const auto size = a.number("bytes", 64), n = a.number("n", 20000), rate = a.number("rate", 10000);
    meet<M>(
        a,
        [&](auto& s) {
            prctl(PR_SET_TIMERSLACK, 1);
            std::vector<std::byte> out(size, std::byte{1});
            timespec next{};
            clock_gettime(CLOCK_MONOTONIC, &next);
            for (std::size_t i = 0; i < n + n / 10; ++i) {
                next.tv_nsec += static_cast<long>(1'000'000'000 / rate);
                if (next.tv_nsec >= 1'000'000'000) next.tv_nsec -= 1'000'000'000, ++next.tv_sec;
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
                const auto now = ticks();
                std::memcpy(out.data(), &now, sizeof now);
                s.send(out);
            }
        },
        [&](auto& r) {
            std::vector<std::byte> in(size);
            std::vector<std::uint64_t> took;
            for (std::size_t i = 0; i < n + n / 10; ++i) {
                r.recv(in);
                const auto now = ticks();
                std::uint64_t then;
                std::memcpy(&then, in.data(), sizeof then);
                if (i >= n / 10) took.push_back(now - then);
            }
            print_times(std::move(took), 1);
        });
}

/// Both sides by turns in one thread: what a message costs both of them, whoever else has the processors.
template <class M>
void turns(const Args& a) {
    const auto size = a.number("bytes", 64);
    pin(a, Side::parent);
    M means(a);
    auto s = means.sender();
    auto r = means.receiver();
    std::vector<std::byte> out(size, std::byte{1}), in(size);
    print_ns(ns_each(2048, 60, [&] {
        s.send(out);
        r.recv(in);
        touched(in.data());
    }));
}

template <class M>
bool ways_of(const Args& a) {
    if (a.what == "flow") return pattern_flow<M>(a), true;
    if (a.what == "paced") return paced<M>(a), true;
    if (a.what == "turns") return turns<M>(a), true;
    return false;
}

inline bool is(const Args& a, std::string_view key, std::string_view value) {
    const auto at = a.given.find(key);
    return at != a.given.end() && at->second == value;
}

}  // namespace wye::bench
