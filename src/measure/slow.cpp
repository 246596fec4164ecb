#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

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
    if (!second->lends() || !first->lends()) throw std::runtime_error("lends no memory");
    const Until until(w);
    for (; until.more(t.messages); ++t.messages) {
        const auto begin = ticks();
        second->send_loan(w.size);
        first->recv_loan();
        t.times.add(units(ticks() - begin));
    }
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
