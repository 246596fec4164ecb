#include "measure/incident.hpp"
#include "measure/loads.hpp"

#include <signal.h>

#include <random>
#include <stdexcept>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// One of two that talk is stopped at a moment that nobody chose, and goes on a while later: nothing is to be lost, and
// nobody is to be told that it died. Incident::at is when it goes on.
class OneStop {
public:
    OneStop(const Work& w, Means& m, Incident& d, bool sender) : w_(w), m_(m), d_(d), sender_(sender) {}
    void happen(std::chrono::microseconds after, std::chrono::nanoseconds pause) {
        Stage stage(w_, m_, duel);
        stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) { sender_ ? sends(end) : hears(end); });
        meddles(stage, 1, [&] {
            while (d_.flows == 0) nap();
            nap(after);
            ::kill(stage.others().first(), SIGSTOP);
            nap(std::chrono::duration_cast<std::chrono::microseconds>(pause));
            d_.at = ticks();
            ::kill(stage.others().first(), SIGCONT);
        });
        const Watch watch(stage, m_, d_, 2 * incident_patience + pause);
        auto& end = stage.here(Role::first);
        sender_ ? hears(end) : sends(end);
        d_.over = 1;
        ends_well(d_);
    }

private:
    void goes_wrong(const std::exception& e) {
        if (d_.flows == 0) throw;          // it does not work
        if (d_.ended != 0) stand_still();  // all was taken away
        ++d_.errors;
        say(d_.why, e.what());
        nap(1ms);
    }
    // What was refused is sent again: it may have come all the same.
    void sends(End& end) {
        auto out = message_of(w_);
        for (std::uint64_t n = 1; d_.again == 0;) {
            try {
                stamp(out, {ticks(), n});
                end.send(out);
                ++n;
            } catch (const std::exception& e) {
                if (d_.again == 0) goes_wrong(e);
            }
        }
    }
    // What was sent since it went on is there: then it is over.
    void hears(End& end) {
        auto room = room_for(w_);
        for (Tally t;;) {
            try {
                if (end.recv(room, false) < sizeof(Stamp)) continue;
            } catch (const std::exception& e) {
                goes_wrong(e);
                continue;
            }
            d_.flows = 1;
            const auto s = stamp_of(room);
            t.came(s.number);
            if (d_.at == 0 || s.at <= d_.at) continue;
            d_.lost = t.lost, d_.twice = t.twice;
            d_.again = ticks();
            break;
        }
        // Who sends may wait for room.
        while (!sender_ && d_.over == 0) end.recv(room, false);
    }

    const Work& w_;
    Means& m_;
    Incident& d_;
    bool sender_;
};

void stopped(const Work& w, Means& m, Taken& t, bool sender) {
    if (!m.carries || w.size < sizeof(Stamp)) throw std::runtime_error("messages of 16 bytes and more");
    std::minstd_rand dice(static_cast<unsigned>(ticks()));
    const std::chrono::nanoseconds pause = w.gap.count() ? w.gap : 50ms;
    std::uint64_t twice = 0, errors = 0;
    const Until until(w);
    while (t.messages < 3 || until.more(t.messages)) {
        const Pages<Incident> d;
        const auto after = std::chrono::microseconds(dice() % 4000);
        befalls(*d, [&] { OneStop(w, m, *d, sender).happen(after, pause); });
        const std::string why = *d->why ? std::string(": ") + d->why : "";
        if (d->again == 0) {
            t = {};
            t.note = "nothing came through in 2 s after it went on" + why;
            return;
        }
        ++t.messages, twice += d->twice, errors += d->errors > 0;
        if (d->errors > 0) t.note = "an error, and nobody is dead" + why;
        if (m.lossless) t.lost += d->lost;
        t.times.add(units(d->again - d->at));
    }
    t.more["errors"] = static_cast<double>(errors);
    if (m.lossless) t.more["duplicated"] = static_cast<double>(twice);
}

}  // namespace

void sender_stopped(const Work& w, Means& m, Taken& t) { stopped(w, m, t, true); }
void receiver_stopped(const Work& w, Means& m, Taken& t) { stopped(w, m, t, false); }

}  // namespace wye::measure
