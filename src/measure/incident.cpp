#include "measure/incident.hpp"

#include <stdexcept>

namespace wye::measure {

using namespace std::chrono_literals;

namespace {

// What was said before stays: the parent looks for it.
bool first_to_say(Incident& d, std::uint64_t what) {
    std::uint64_t nothing = 0;
    return d.ended.compare_exchange_strong(nothing, what);
}

}  // namespace

void stand_still() {
    for (;;) ::pause();
}

Watch::Watch(Stage& s, Means& m, Incident& d, std::chrono::nanoseconds until_it_happens)
    : waits_([&s, &m, &d, until_it_happens](const std::stop_token& stop) {
          for (std::uint64_t end = ticks() + ticks_of(until_it_happens); !stop.stop_requested(); nap(2ms)) {
              if (d.at != 0 && d.again == 0) end = d.at + ticks_of(incident_patience);
              if (d.again != 0) end = d.again + ticks_of(incident_patience);
              if (ticks() < end) continue;
              if (!first_to_say(d, 3)) return;  // who survives ends by himself already, and waits for this thread then
              s.others().kill_all();
              m.clean();
              d.left = unseen;
              d.ended = 2;
              stand_still();
          }
      }) {}

void ends_well(Incident& d) {
    if (!first_to_say(d, 1)) stand_still();
}

void befalls(Incident& d, const std::function<void()>& body) {
    Others one;
    auto& place = one.board().places[0];
    one.start(
        0,
        [&](unsigned) {
            try {
                body();
            } catch (const std::exception&) {
                if (trouble_of_another().empty()) throw;
                throw std::runtime_error(trouble_of_another());
            }
        },
        false);
    while (place.done == 0 && d.ended != 2) {
        one.check();
        nap(1ms);
    }
    if (*place.trouble) throw std::runtime_error(place.trouble);
    if (d.ended == 2 && d.at == 0) throw std::runtime_error("the two did not find each other");
}

void meddles(Stage& stage, unsigned which, const std::function<void()>& what) {
    stage.others().start(
        which,
        [&stage, what](unsigned w) {
            ::close_range(3, ~0u, 0);  // or the survivor's listening socket would be kept alive from here
            stage.board().places[w].ready = 1;
            what();
        },
        false);
}

}  // namespace wye::measure
