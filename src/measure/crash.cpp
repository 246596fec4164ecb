#include "measure/incident.hpp"
#include "measure/loads.hpp"

#include <stdexcept>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

void waits_for_the_dead(const Work& w, Means& m, Incident& d) {
    Stage stage(w, m, duel);
    stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) end.send(Bytes(room).first(end.recv(room, false)));
    });
    meddles(stage, 1, [&] {
        while (d.flows == 0) nap();
        nap(2ms);
        d.at = ticks();
        stage.others().kill_first();
    });
    const Watch watch(stage, m, d);
    auto& end = stage.here(Role::first);
    auto out = message_of(w), in = room_for(w);
    for (int i = 0; i < 10; ++i) end.send(out), end.recv(in, false);
    d.flows = 1;
    try {
        end.recv(in, false);
    } catch (const std::exception&) {
        if (d.at == 0) throw;
        if (d.ended != 0) stand_still();  // nobody told him: what he waited at was taken away
        d.told = ticks();
    }
    d.again = ticks();
    ends_well(d);
}

}  // namespace

// One waits for a message when the other is killed: how long until it is told so.
void crash(const Work& w, Means& m, Taken& t) {
    const Until until(w);
    while (t.messages < 3 || until.more(t.messages)) {
        const Pages<Incident> d;
        befalls(*d, [&] { waits_for_the_dead(w, m, *d); });
        if (d->ended == 2) {
            t = {};
            t.note = "is not told in 2 s that the other died";
            return;
        }
        t.times.add(units(d->told - d->at));
        ++t.messages;
    }
}

}  // namespace wye::measure
