// It happened: a signal, taken where the program waits anyway, and by no handler.
#include <wye/sync/signals.hpp>

#include <signal.h>

wye::Result<int> next_of(wye::SignalSet& signals) {  // from SignalSet::block({SIGUSR1}), made first in main()
    WYE_TRY(const auto got, signals.wait(std::chrono::seconds(10)));
    return got.number;
}

wye::Result<> tell(pid_t whom) {
    WYE_TRY(const auto target, wye::SignalTarget::of(whom));
    return wye::send(target, SIGUSR1);
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    auto signals = wye::SignalSet::block({SIGUSR1});
    claim(signals.has_value(), "blocked");
    const pid_t parent = getpid(), child = start([&] { return tell(parent) ? 0 : 1; });
    const auto got = next_of(*signals);
    claim(got && *got == SIGUSR1 && answer_of(child) == 0, "it happened");
}
