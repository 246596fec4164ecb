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
    static Result<> check(const ShmShape&);
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

struct State : Loan::Owner, Lease::Owner, ring::Waker {
    Pages pages;
    Participants all;
    Participants::Mark self{};
    bool joined = false;
    bool spin = false;
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
    /// What open() made and cannot give.
    void unmake() noexcept;
    /// Whether somebody was found dead, and what he held is free.
    bool bury_dead();
    /// That somebody came, or went.
    void tell_everybody() noexcept;
    std::int32_t pid_of(std::uint32_t mark) const noexcept {
        const auto who = all.who(Participants::Mark::of(mark).slot);
        return who && who->mark.word() == mark ? who->pid : 0;
    }

    ring::Ringer ringer(ring::Bell& b, int most) noexcept { return {&b, this, most, fences}; }
    void wake(ring::Bell&, int most) noexcept override;
    std::uint32_t bit_of(const ring::Bell& b) const noexcept {
        return &b == &pages.header->data ? data_bell : space_bell;
    }
    /// What poll(2) may be asked about; -1 when there is no room for it.
    int handle() noexcept;

    /// Until `ready()`; an error of `look()`, which is asked now and then, when it is worth a few system calls. `ready`
    /// is asked again after each wake, and never again once it
    /// was true.
    template <class Ready, class Look>
    Result<> wait(ring::Bell&, Deadline, Ready&& ready, Look&& look);

    Result<> commit(MutBytes, std::uint64_t) override { return {}; }
    void cancel(MutBytes, std::uint64_t) noexcept override {}
    void release(Bytes, std::uint64_t) noexcept override {}

private:
    void repair(Participants::Mark) noexcept;
    template <class Ready>
    bool look_for_a_while(Deadline, Ready&&);
    template <class Ready>
    Result<bool> sleep(ring::Bell&, bool by_descriptors, Deadline, Ready&&);
    template <class Ready, class Look>
    Result<> give_up(ring::Bell&, Ready&&, Look&&);
};

inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <class Ready>
bool State::look_for_a_while(Deadline d, Ready&& ready) {
    using Clock = std::chrono::steady_clock;
    if (ready()) return true;  // as a rule, and then nobody need know the time
    if (d.is_now()) return false;
    const auto budget = patience.budget();
    const auto begin = Clock::now();
    do {
        for (int i = 0; i < 32; ++i) {
            if (ready()) return patience.learn(true), true;
            pause();
        }
    } while (spin ? !d.passed() && Clock::now() - begin < std::chrono::milliseconds(10)
                  : Clock::now() - begin < budget);
    if (!spin) patience.learn(false);
    return false;
}

/// Announced, looked again, and then asleep until somebody rings; true when it is ready.
template <class Ready>
Result<bool> State::sleep(ring::Bell& bell, bool by_descriptors, Deadline d, Ready&& ready) {
    using namespace std::chrono_literals;
    const auto seen = ring::announce(bell);
    if (by_descriptors) {
        bell.armed.store(1, ring::order::relaxed);
        watch->arm(all, self, bit_of(bell));
    }
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

/// The loans of one writer: chunks in files of their own, made when they are first asked for.
class Arena {
public:
    Arena(State&, std::size_t most);
    ~Arena();

    struct Place {
        ring::LoanAt at;
        std::byte* data = nullptr;
    };
    /// Nothing when all that may be lent is lent; Errc::exhausted when there is no room for it in memory.
    Result<std::optional<Place>> lend(std::size_t n);
    void sent(const ring::LoanAt&, std::uint32_t lane, std::uint64_t next);
    void unsent(const ring::LoanAt&) noexcept;
    /// After one was sent: what the next loan will need, while the reader is busy with this one.
    void look_ahead(const ring::LoanAt&);

    /// lend(), waiting by `until(attempt)`.
    template <class Until>
    Result<Place> lend_when(Until&& until, std::size_t n) {
        Result<std::optional<Place>> lent = std::nullopt;
        WYE_CHECK(until([&] { return lent = lend(n), !lent || *lent; }));
        if (!lent) return std::unexpected(std::move(lent).error());
        return **lent;
    }
    /// A loan's token, for as long as it is lent.
    std::uint64_t remember(const ring::LoanAt&);
    ring::LoanAt recall(std::uint64_t token) noexcept;

private:
    struct Bank;
    struct Sent {
        std::uint32_t lane = 0;
        std::uint64_t next = 0;
        std::uint32_t bank = 0, chunk = 0;
    };
    std::optional<Place> from(Bank&, std::size_t n);
    Result<bool> grow(std::size_t chunk_bytes);
    void adopt(Bank&);
    std::vector<std::uint64_t> beginnings(std::uint32_t lane) const;
    void reclaim_to(std::uint64_t position) noexcept;
    void collect();

    State& s_;
    std::size_t most_, bytes_ = 0;
    std::vector<std::unique_ptr<Bank>> banks_;
    std::vector<Sent> sent_, passed_;
    std::vector<ring::LoanAt> lent_;     // by token
    std::vector<std::uint64_t> tokens_;  // free ones
};

/// The loans of others, as a reader maps them.
class BankViews {
public:
    /// Errc::corrupt when it is not a loan of this ring.
    Result<MutBytes> at(const Pages&, const ring::LoanAt&);

private:
    std::vector<std::optional<SharedSegment>> banks_;
};

}  // namespace wye::shm
