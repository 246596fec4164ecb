// What a source of this program has to say: cases by name.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"

#include "links.hpp"

#include <functional>

namespace wye::bench {

struct Cases {
    static std::map<std::string, std::function<void(const Args&)>>& all() {
        static std::map<std::string, std::function<void(const Args&)>> cases;
        return cases;
    }
    Cases(std::initializer_list<std::pair<std::string, std::function<void(const Args&)>>> mine) {
        for (auto& [name, run] : mine) all().emplace(name, run);
    }
};

[[noreturn, gnu::cold, gnu::noinline]] inline void give_up_on(const Error& e) { give_up(e.message()); }

/// The value, or the end.
template <class T>
inline T must(Result<T> r) {
    if (!r) [[unlikely]]
        give_up_on(r.error());
    if constexpr (!std::is_void_v<T>) return std::move(*r);
}

/// Of a ring of this process and its child; gone when we are.
inline std::string own_name(const char* what) { return std::string("bench-") + what + "-" + std::to_string(getpid()); }

/// From the moment before it is sent until it was received, by who sleeps meanwhile. The sender works in between: its
/// processor is awake, the other's is not.
template <class M>
void wake(const Args& a) {
    const auto n = a.number("n", 600);
    const auto gap = static_cast<std::uint64_t>(static_cast<double>(a.number("gap_us", 150)) * 1e3 / ns_a_tick());
    M means(a);
    Child child(a, [&] {
        auto link = means.open(Side::child);
        for (;;) {
            for (const auto begin = ticks(); ticks() - begin < gap;) relax();
            const std::uint64_t now = ticks();
            link.send(bytes_of(now));
        }
    });
    pin(a, Side::parent);
    auto link = means.open(Side::parent);
    std::vector<std::uint64_t> took;
    for (std::size_t i = 0; i < n + n / 10; ++i) {
        std::uint64_t sent = 0;
        link.recv(std::as_writable_bytes(std::span(&sent, 1)));
        if (i >= n / 10) took.push_back(ticks() - sent);
    }
    print_times(std::move(took), 1);
}

}  // namespace wye::bench
