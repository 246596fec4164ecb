#include "measure/loads.hpp"
#include "measure/side_by_side.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// Who measures for a minute may be told that it is enough (SIGTERM), and cleans up then.
class Sleep {
public:
    Sleep() {
        sigemptyset(&enough_);
        sigaddset(&enough_, SIGTERM);
        pthread_sigmask(SIG_BLOCK, &enough_, &before_);
    }
    ~Sleep() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    Sleep(const Sleep&) = delete;
    // One call: what is measured is also this process.
    void for_at_most(std::chrono::nanoseconds t) const {
        const timespec left{.tv_sec = t / 1s, .tv_nsec = (t % 1s).count()};
        (void)sigtimedwait(&enough_, nullptr, &left);
    }

private:
    sigset_t enough_{}, before_{};
};

struct Costs {
    Others::Cost sender{}, receiver{}, daemons{};
    void of_this() { sender = Others::cost_of(getpid()); }
    void of_others(pid_t other, const std::vector<pid_t>& beside) {
        receiver = Others::cost_of(other);
        for (const auto pid : beside) daemons = daemons + Others::cost_of(pid);
    }
};

}  // namespace

// All there, the other one waits at one of its ends, and nothing is said.
void idle(const Work& w, Means& m, Taken& t) {
    const Sleep sleep;
    const auto time = std::max<std::chrono::nanoseconds>(w.time, 500ms);
    SideBySide all(w, m, time + 1min, [&](End& end) {
        auto room = room_for(w);
        for (;;) end.recv(room, false);
    });
    const auto grown = all.open();
    all.let_go();
    usleep(100'000);
    if (w.begun) w.begun();
    Costs before, after;
    before.of_others(all.others().first(), m.daemons);
    before.of_this();  // so that looking at the others is not in it
    const auto begin = ticks();
    sleep.for_at_most(time);
    const double seconds = static_cast<double>(ticks() - begin) * ns_a_tick() / 1e9;
    after.of_this();
    after.of_others(all.others().first(), m.daemons);
    all.others().check();
    const auto a_second = [&](const char* cpu, const char* switches, Others::Cost Costs::* of) {
        const auto spent = after.*of - before.*of;
        t.more[cpu] = spent.cpu_ns / seconds, t.more[switches] = spent.switches / seconds;
        t.cpu_ns += spent.cpu_ns / seconds, t.switches += spent.switches / seconds;
    };
    a_second("sender_cpu_ns", "sender_switches", &Costs::sender);
    a_second("receiver_cpu_ns", "receiver_switches", &Costs::receiver);
    if (!m.daemons.empty()) a_second("daemon_cpu_ns", "daemon_switches", &Costs::daemons);
    const auto n = static_cast<double>(all.count());
    t.more["rss_kib"] = static_cast<double>(grown.here.rss_kib + grown.there.rss_kib) / n;
    t.more["pss_kib"] = static_cast<double>(grown.here.own_kib + grown.there.own_kib) / n;
}

// What one of many is to who connects.
void channels(const Work& w, Means& m, Taken& t) {
    SideBySide all(w, m, m.quiet, [](End&) {
        for (;;) pause();
    });
    const auto& grown = all.open();
    const auto each = [&](std::uint64_t of_all) {
        return static_cast<double>(of_all) / static_cast<double>(all.count());
    };
    t.messages = all.count(), t.times = grown.opened;
    t.more = {{"descriptors", each(grown.there.descriptors)},
              {"mappings", each(grown.there.mappings)},
              {"memory_kib", each(grown.there.kib)}};
}

}  // namespace wye::measure
