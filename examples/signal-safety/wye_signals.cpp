// SignalSet: signals are taken one by one, with their sender and word; sent by pidfd, never to a stranger.
#include <wye/sync/signals.hpp>

#include "../demo.hpp"

using namespace std::chrono_literals;

int main() {
    const auto number = wye::real_time(1);
    claim(number.has_value(), "a real-time signal");
    auto signals = wye::SignalSet::block({SIGTERM, *number});
    claim(signals.has_value(), "blocked, and ours to take");
    const auto self = wye::SignalTarget::of(getpid());
    claim(self && wye::queue(*self, *number, 1) && wye::queue(*self, *number, 2), "two are sent, with a word each");
    claim(wye::send(*self, SIGTERM) && wye::send(*self, SIGTERM), "and SIGTERM, twice");

    int terms = 0;
    unsigned words = 0;
    while (const auto s = signals->wait(wye::Deadline::now())) {
        if (s->number == SIGTERM) ++terms;
        if (s->number == *number) words = words * 10 + static_cast<unsigned>(s->word);
        claim(s->sender == getpid(), "each says who sent it");
    }
    claim(terms == 1, "two of a standard signal are one");
    claim(words == 12, "two real-time signals are two, in order");
    claim(signals->wait(20ms).error().is(wye::Errc::timed_out), "nothing more by the deadline");
}
