// Something befalls one of two that talk, in a process of its own: what came of it, and who looks that it ends.
#pragma once
#include "measure/stage.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

namespace wye::measure {

/// In pages that all have.
struct Incident {
    std::atomic<std::uint64_t> flows{0}, dead{0}, at{0}, told{0}, again{0};  // the last three: ticks
    std::atomic<std::uint64_t> sent{0}, seen{0};  // the last number that a send() or recv() was for
    std::atomic<std::uint64_t> lost{0}, twice{0}, left{0}, errors{0};
    std::atomic<std::uint64_t> over{0};    // the survivor has what it waited for
    std::atomic<std::uint64_t> ended{0};   // who wrote this first: 1 all is well, 2 it took too long
    std::atomic<std::uint64_t> victim{0};  // its pid
    char why[160] = {}, example[160] = {};
};

constexpr auto incident_patience = std::chrono::seconds(2);  // after it: for the next message, or for being told
constexpr std::uint64_t unseen = ~0ull;                      // Incident::left, where the end took too long

template <std::size_t N>
void say(char (&into)[N], const std::string& text) {
    std::snprintf(into, N, "%s", text.c_str());
}
inline void nap(std::chrono::microseconds t = std::chrono::microseconds(50)) {
    ::usleep(static_cast<useconds_t>(t.count()));
}
[[noreturn]] void stand_still();  // until another process ends this one

/// Which numbers came: what is missing between them, and what came again.
struct Tally {
    std::uint64_t last = 0, lost = 0, twice = 0;
    void came(std::uint64_t n) {
        if (n <= last) return void(++twice);
        lost += n - last - 1;
        last = n;
    }
};

inline Stamp stamp_of(const std::vector<std::byte>& room) {
    Stamp s{};
    std::memcpy(&s, room.data(), sizeof s);
    return s;
}

/// A library may wait for ever for one who is dead: then this process ends here, and leaves nothing. It has so long
/// after `at` until `again`, and so long again to end in.
class Watch {
public:
    Watch(Stage&, Means&, Incident&, std::chrono::nanoseconds until_it_happens = 2 * incident_patience);

private:
    std::jthread waits_;
};

/// All is well, unless the Watch was first.
void ends_well(Incident&);

/// `body` in a process that has done nothing yet: many a library forbids a fork after its first use. Throws what went
/// wrong before anything befell anybody.
void befalls(Incident&, const std::function<void()>& body);

/// One that meddles, beside the others of the stage: `what`, with none of their descriptors.
void meddles(Stage&, unsigned which, const std::function<void()>& what);

}  // namespace wye::measure
