#include "measure/loads.hpp"
#include "measure/stage.hpp"
#include "measure/use.hpp"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <random>
#include <stdexcept>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// From nothing to the first message, in ticks.
std::uint64_t opened_and_heard(const Work& w, Means& m) {
    Stage stage(w, m, duel);
    auto& b = stage.board();
    stage.others().start(
        0,
        [&](unsigned) {
            while (b.go == 0) relax();
            const auto end = m.open(Role::second, 0);
            auto room = room_for(w);
            b.places[0].ready = 1;
            end->recv(room, false);
            b.places[0].count = ticks();
        },
        false);
    const auto begin = ticks();
    b.go = 1;
    const auto end = m.open(Role::first, 0);
    const auto await = [&](const std::atomic<std::uint64_t>& word) {
        while (word == 0) {
            stage.others().check();
            if (ticks() - begin > ticks_of(5s)) throw std::runtime_error("no message came in 5 s");
            usleep(20);  // threads of theirs may need the processor
        }
    };
    await(b.places[0].ready);
    end->send(message_of(w));
    await(b.places[0].count);
    return b.places[0].count - begin;
}

void lent(End& from, End& to, const Work& w, int part, Histogram& times) {
    const Until until(w, 1, part);
    for (std::uint64_t n = 0; until.more(n); ++n) {
        const auto begin = ticks();
        from.send_loan(w.size);
        to.recv_loan();
        times.add(units(ticks() - begin));
    }
}

// From a byte to 64 KiB, or what is asked for where that is more; each size as often as half of it. Up to 16 are away
// at a time. The same ones in every round. How many.
std::uint64_t wear(End& from, End& to, const Work& w) {
    std::minstd_rand dice(1);
    const auto doublings = std::bit_width(std::max<std::size_t>(w.size, 1 << 16));
    const auto size = [&] { return 1 + dice() % (std::size_t{1} << dice() % static_cast<unsigned>(doublings)); };
    std::uint64_t n = 0;
    for (const Until until(w, 1, 2); until.more(n);) {
        const auto away = 1 + dice() % 16;
        for (std::uint64_t i = 0; i < away; ++i) from.send_loan(size());
        for (std::uint64_t i = 0; i < away; ++i) to.recv_loan();
        n += away;
    }
    return n;
}

}  // namespace

// Each time in a process that has done nothing yet: many a library forbids a fork after its first use.
void open_and_first(const Work& w, Means& m, Taken& t) {
    Others each;
    auto& place = each.board().places[0];
    const Until until(w);
    for (std::uint64_t n = 0; n < 3 || until.more(n); ++n) {
        place.done = 0;
        each.start(0, [&](unsigned) { place.count = opened_and_heard(w, m); }, false);
        while (place.done == 0) {
            each.check();
            usleep(100);
        }
        if (*place.trouble) throw std::runtime_error(place.trouble);
        t.times.add(units(place.count));
        ++t.messages;
        each.end();
    }
}

// What a loan costs, from asking for it until it is let go: both ends in this process.
void loan(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, w.parties);
    const auto second = m.open(Role::second, 0), first = m.open(Role::first, 0);
    lent(*second, *first, w, 1, t.times);
    t.messages = t.times.total();
}

// What it costs when many of all sizes have come and gone, and some always were away.
void worn_loan(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, w.parties);
    const auto second = m.open(Role::second, 0), first = m.open(Role::first, 0);
    Histogram fresh;
    lent(*second, *first, w, 4, fresh);
    const auto kib = use_of_this_process().kib;
    const auto count = wear(*second, *first, w);
    lent(*second, *first, w, 4, t.times);
    t.messages = t.times.total();
    t.more = {{"fresh_ns", fresh.middle() / Taken::a_ns},
              {"before", static_cast<double>(count)},
              {"grown_kib", static_cast<double>(std::max(use_of_this_process().kib, kib) - kib)}};
}

// Both ends in this process, which sends itself a message and takes it: nobody waits, so that it is the same
// instructions every time (tools/regress.py counts them).
void alone(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, w.parties);
    // Who connects comes first, for nobody else is there to answer him.
    const auto second = m.open(Role::second, 0), first = m.open(Role::first, 0);
    auto out = message_of(w), in = room_for(w);
    const Until until(w);
    const auto begin = ticks();
    for (; until.more(t.messages); ++t.messages) {
        stamp(out, {begin, t.messages});
        second->send(out);
        first->recv(in, false);
    }
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
}

}  // namespace wye::measure
