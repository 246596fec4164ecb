#include "measure/stage.hpp"

#include <cstring>
#include <ctime>

namespace wye::measure {

void stamp(std::vector<std::byte>& to, Stamp s) {
    if (to.size() >= sizeof s)
        std::memcpy(to.data(), &s, sizeof s);
    else if (!to.empty())
        to[0] = static_cast<std::byte>(s.number);
}

std::uint64_t units(std::uint64_t t, double ways) {
    return static_cast<std::uint64_t>(static_cast<double>(t) * ns_a_tick() * Taken::a_ns / ways);
}

void sleep_until(std::uint64_t when) {
    constexpr double shortest = 100'000;  // ns; what is less is waited for
    for (;;) {
        const auto now = ticks();
        if (now >= when) return;
        const double left = static_cast<double>(when - now) * ns_a_tick();
        if (left < shortest) {
            relax();
            continue;
        }
        const auto ns = static_cast<long>(left - shortest / 2);
        const timespec nap{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
    }
}

std::string& trouble_of_another() noexcept {
    thread_local std::string said;
    return said;
}

void Stage::beside(unsigned n, Role role, const Body& body, const Around& around) {
    for (unsigned i = 0; i < n; ++i)
        others_.start(
            i,
            [this, role, body, around](unsigned which) {
                const auto lives = [&] {
                    const auto end = m_.open(role, which);
                    board().places[which].ready = 1;
                    body(*end, board().places[which], which);
                };
                around ? around(lives) : lives();
            },
            pinned());
}

End& Stage::here(Role role) {
    if (pinned()) pin(0);
    end_ = m_.open(role, 0);
    others_.wait_ready();
    begin_ = others_.cost();
    return *end_;
}

End& Stage::again(Role role) {
    end_.reset();
    end_ = m_.again(role, 0);
    return *end_;
}

void Stage::cost(Taken& t, double messages) {
    const auto now = others_.cost();
    t.cpu_ns = (now.cpu_ns - begin_.cpu_ns) / messages;
    t.switches = (now.switches - begin_.switches) / messages;
}

}  // namespace wye::measure
