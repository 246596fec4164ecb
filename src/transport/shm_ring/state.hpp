// What the handles of a ring have in common: the pages, a place among the participants, sleeping.
#pragma once
#include "wye/transport/shm_ring.hpp"

#include "io/participants.hpp"
#include "io/shared_segment.hpp"
#include "os/fork.hpp"

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

struct State : Loan::Owner, Lease::Owner {
    Pages pages;
    Participants all;
    Participants::Mark self{};
    bool joined = false;
    bool spin = false;
    std::size_t max_message;
    bool fences = sys::register_for_fences() < 0;
    Patience patience;
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
    std::int32_t pid_of(std::uint32_t mark) const noexcept { return all.pid_of(Participants::Mark::of(mark)); }

    ring::Ringer ringer(ring::Bell& b, int most) const noexcept { return {&b, most, fences}; }

    /// Until `ready()`; an error of `look()`, which is asked now and then, when it is worth a few system calls. `ready`
    /// is asked again after each wake and may be asked for nothing.
    template <class Ready, class Look>
    Result<> wait(ring::Bell&, Deadline, Ready&& ready, Look&& look);

    Result<> commit(MutBytes, std::uint64_t) override { return {}; }
    void cancel(MutBytes, std::uint64_t) noexcept override {}
    void release(Bytes, std::uint64_t) noexcept override {}

private:
    void repair(Participants::Mark) noexcept;
};

inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

template <class Ready, class Look>
Result<> State::wait(ring::Bell& bell, Deadline d, Ready&& ready, Look&& look) {
    using namespace std::chrono_literals;
    using Clock = std::chrono::steady_clock;
    const auto budget = d.is_now() ? 0ns : spin ? std::chrono::nanoseconds(10ms) : patience.budget();
    auto next_look = 10ms;
    for (bool slept = false;;) {
        const auto begin = Clock::now();
        do {
            for (int i = 0; i < 32; ++i) {
                if (ready()) return patience.learn(true), Result<>();
                pause();
            }
        } while (Clock::now() - begin < (slept && !spin ? 0ns : budget) && !d.passed());
        if (spin && !d.passed()) {
            WYE_CHECK(look());
            continue;
        }
        if (!slept) patience.learn(false);
        const auto seen = ring::announce(bell);
        // Without it (a sandbox): whoever did not see us is found by looking often.
        const bool heard = sys::fence_everywhere() == 0;
        if (ready()) return {};
        if (pages.segment.retired()) return fail(Errc::closed, "", pages.name);
        if (d.passed()) {
            WYE_CHECK(look());
            return ready() ? Result<>() : fail(Errc::timed_out);
        }
        const long r = sys::futex_wait(bell.event, seen, d.sooner(heard ? next_look : std::min(next_look, 1ms)));
        slept = true;
        if (ready()) return {};
        if (r != -ETIMEDOUT || d.passed()) continue;
        WYE_CHECK(look());
        next_look = std::min(next_look * 2, 500ms);
    }
}

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

/// Removes the files of a ring's loans.
void remove_banks(const std::string& name);

}  // namespace wye::shm
