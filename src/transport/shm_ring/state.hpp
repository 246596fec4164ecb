// What the handles of a ring have in common: the pages, a place among the participants, sleeping.
#pragma once
#include "wye/transport/shm_ring.hpp"

#include "io/participants.hpp"
#include "io/shared_segment.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"
#include "transport/shm_ring/watch.hpp"

#include <vector>

namespace wye::shm {

/// A ring's segment, mapped and checked. The geometry is a copy: nothing of it is read from the pages again.
struct Pages {
    SharedSegment segment;
    std::string name;
    ring::Geometry g{};
    ring::Header* header = nullptr;
    Participants::Slot* table = nullptr;
    ring::CursorsView cursors;
    std::vector<ring::LaneView> lanes;
    std::span<ring::Cell> cells;

    static Result<Pages> open(const std::string& name, const ShmShape&, Create);
    static Result<Pages> open_queue(const std::string& name, ShmShape, Create);
    static Result<> check(const ShmShape&);
    Result<> must_be(bool queue) const;
    static SharedSegment::Shape any();  ///< for SharedSegment's remove and list

    ring::QueueView queue() const noexcept { return {header, lanes, cells, g.most_deliveries}; }
};

enum class Role : std::uint32_t { none, writer, reader };

/// How long to look before sleeping: twice as long after it was worth it, half as long after it was not.
class Patience {
public:
    std::chrono::nanoseconds budget() const noexcept { return budget_; }
    void learn(bool worth_it) noexcept;

private:
    static std::chrono::nanoseconds most() noexcept;
    std::chrono::nanoseconds budget_ = most();
};

struct State : ring::Waker {
    Pages pages;
    Participants all;
    Participants::Mark self{};
    bool joined = false;
    bool spin = false;
    int looks_apart = 1;  // while it looks for what it waits for: pauses from one look to the next
    std::size_t max_message;
    bool fences = sys::register_for_fences() < 0;
    Patience patience;
    std::optional<Watch> watch;
    bool polled = false;  // by the caller: `watch` is to be armed whenever there is nothing
    Ringing ringing;
    std::chrono::steady_clock::time_point looked{};
    Deadline look_again = Deadline::never();  // look() will find something then that no bell tells
    const std::uint64_t* generation_now = sys::fork_generation_word();
    std::uint64_t generation = sys::fork_generation();

    State(Pages p, const ShmOptions& o)
        : pages(std::move(p)),
          all(pages.table, pages.g.participants, pages.segment.file()),
          spin(o.spin),
          max_message(o.max_message) {}
    State(const State&) = delete;
    virtual ~State();

    bool ours() const noexcept { return generation == *generation_now; }
    Result<> check_ours(const char* op) const;
    Result<> join(Role);
    /// `word` becomes ours, unless somebody alive has it: Errc::busy, and who that is. `what` he does there.
    Result<> claim(ring::Atomic<std::uint32_t>& word, const char* what);
    /// What open() made and cannot give.
    void unmake() noexcept;
    /// Whether somebody was found dead, and what he held is free.
    bool bury_dead();
    /// That somebody came, or went.
    void tell_everybody() noexcept;

    ring::Ringer ringer(ring::Bell& b, int most) noexcept { return {&b, this, most, fences}; }
    void wake(ring::Bell&, int most) noexcept override;
    std::uint32_t bit_of(const ring::Bell& b) const noexcept {
        return &b == &pages.header->data ? data_bell : space_bell;
    }
    /// What poll(2) may be asked about; -1 when there is no room for it.
    int handle() noexcept;

    /// Until `ready()`; an error of `look()`, which is asked now and then, when it is worth a few system calls. `ready`
    /// is asked again after each wake, and never again once it was
    /// true.
    template <class Ready, class Look>
    Result<> wait(ring::Bell&, Deadline, Ready&& ready, Look&& look);

private:
    void repair(Participants::Mark) noexcept;
    template <class Ready>
    bool look_for_a_while(Deadline, Ready&&);
    template <class Ready>
    Result<bool> sleep(ring::Bell&, bool by_descriptors, Deadline, Ready&&);
    template <class Ready, class Look>
    Result<> give_up(ring::Bell&, Ready&&, Look&&);
};

template <class Ready>
bool State::look_for_a_while(Deadline d, Ready&& ready) {
    using Clock = std::chrono::steady_clock;
    if (ready()) return true;  // as a rule, and then nobody need know the time
    if (d.is_now()) return false;
    const auto budget = patience.budget();
    const auto begin = Clock::now();
    do {
        for (int i = 0; i < 32; ++i) {
            if (i % looks_apart == 0 && ready()) return patience.learn(true), true;
            ring::pause();
        }
    } while (spin ? !d.passed() && Clock::now() - begin < std::chrono::milliseconds(10)
                  : Clock::now() - begin < budget);
    if (!spin) patience.learn(false);
    return false;
}

/// Armed, announced, looked again, and then asleep until somebody rings; true when it is ready.
template <class Ready>
Result<bool> State::sleep(ring::Bell& bell, bool by_descriptors, Deadline d, Ready&& ready) {
    using namespace std::chrono_literals;
    // Armed first: who rings takes the announcement back, and rings only what is armed; for somebody else, perhaps.
    if (by_descriptors) {
        bell.armed.store(1, ring::order::relaxed);
        watch->arm(all, self, bit_of(bell));
        ring::fence(ring::order::give_back);
    }
    const auto seen = ring::announce(bell);
    // Without it (a sandbox): whoever rings may not see us, and we look often.
    const bool heard = sys::fence_everywhere() == 0;
    if (ready()) return true;
    if (pages.segment.retired()) return fail(Errc::closed, "", pages.name);
    if (!heard) d = d.sooner(1ms);
    if (!by_descriptors) {
        (void)sys::futex_wait(bell.event, seen, d);
        return ready();
    }
    const bool rang = sys::wait_ready(watch->fd(), POLLIN, d).has_value();
    if (ready()) return true;
    if (rang) watch->forget_ended();
    return false;
}

/// There is nothing, and the time is over.
template <class Ready, class Look>
Result<> State::give_up(ring::Bell& bell, Ready&& ready, Look&& look) {
    using namespace std::chrono_literals;
    // A caller that polls again and again does not pay for a look each time.
    if (const auto now = std::chrono::steady_clock::now(); now - looked > 1ms) {
        looked = now;
        WYE_CHECK(look());
        if (ready()) return {};
    }
    if (pages.segment.retired()) return fail(Errc::closed, "", pages.name);
    if (polled && watch) {
        WYE_TRY(const bool there, sleep(bell, true, Deadline::now(), ready));
        if (there) return {};
    }
    return fail(Errc::timed_out);
}

template <class Ready, class Look>
Result<> State::wait(ring::Bell& bell, Deadline d, Ready&& ready, Look&& look) {
    using namespace std::chrono_literals;
    do {
        if (look_for_a_while(d, ready)) return {};
        if (spin && !d.passed()) WYE_CHECK(look());
        if (spin && pages.segment.retired()) return fail(Errc::closed, "", pages.name);
    } while (spin && !d.passed());
    // Most waits are short, and a futex is quickest.
    for (const auto soon = d.sooner(10ms); !soon.passed();) {
        WYE_TRY(const bool there, sleep(bell, false, soon, ready));
        if (there) return {};
    }
    // For a long one: by descriptors, so that a peer's death wakes us too, and nobody looks in vain.
    for (auto next = 10ms; !d.passed(); next = std::min(next * 2, 500ms)) {
        WYE_CHECK(look());
        if (ready()) return {};
        const bool watching = handle() >= 0;
        if (watching && watch->sees_all()) {
            WYE_TRY(const bool there, sleep(bell, true, d.sooner(look_again), ready));
            if (there) return {};
        } else {
            WYE_TRY(const bool there, sleep(bell, watching, d.sooner(next), ready));
            if (there) return {};
        }
    }
    return give_up(bell, ready, look);
}

Result<Inspection> inspect(const Uri&);

}  // namespace wye::shm
