// A work queue at the listening side: jobs that wait, and takers that ask.
#pragma once
#include "wye/pattern/carrier.hpp"

#include "pattern/hub/bell.hpp"
#include "pattern/hub/hub.hpp"
#include "pattern/hub/recent.hpp"

#include <map>

namespace wye::hub {

struct JobRules {
    std::size_t depth, max_message;
    unsigned most_deliveries;
};

class JobHub : public Book {
public:
    static Result<std::unique_ptr<JobHub>> open(const Uri&, Create, unsigned permissions, JobRules);

    /// A worker, ours or one that connects.
    struct Taker : State {
        Conn* conn = nullptr;
        std::uint64_t want = 0;  // jobs it asked for
        bool hungry = false;     // it has nothing to do
        bool listed = false;     // among those that are asked next
        bool alone = false;      // it has one that somebody had before: no other is put into its hands unasked
        std::vector<std::uint32_t> hand{};
        std::deque<std::uint32_t> ready{};        // ours: in hand, and not yet looked at
        std::optional<Clock::time_point> held{};  // a producer's: until when its put waits
    };

    Result<> put(Bytes, const carrier::Put&, Deadline);
    Result<carrier::Job> take(Taker&, Deadline);
    Result<carrier::Job> take_dead(Taker&, Deadline);
    Result<> done(Taker&, std::uint64_t token);
    Result<> give_back(Taker&, std::uint64_t token, std::chrono::microseconds delay);
    Result<> extend(Taker&, std::uint64_t token);
    carrier::Depth depth();
    std::size_t max_message() const noexcept { return rules_.max_message; }
    void join(Taker&, Bell&);
    void leave_local();

    Result<> join(Conn&) override;
    Result<bool> frame(Conn&, const Frame&) override;
    void leave(Conn&) override;
    std::size_t gather(Conn&, iovec*, std::size_t room) override;
    Clock::time_point next_due() override;
    void due(Clock::time_point) override;

private:
    enum class At : std::uint8_t { nowhere, waiting, later, in_hand, dead, dead_in_hand };
    struct Slot {
        std::vector<std::byte> bytes{};
        std::uint64_t serial = 0;
        unsigned priority = 0, deliveries = 0;
        std::uint32_t generation = 0;
        At at = At::nowhere;
        Taker* holder = nullptr;
        std::uint32_t place = 0;  // in its holder's hand
    };
    using Index = std::uint32_t;

    explicit JobHub(JobRules r) : rules_(r) {}
    static Taker& of(Conn& c) { return static_cast<Taker&>(*c.state); }
    bool room_for(std::size_t n) const noexcept {
        return waiting_ == 0 || (waiting_bytes_ + n <= rules_.depth && slots_.size() - free_.size() < most_jobs);
    }
    void enqueue(Bytes, unsigned priority);
    void wait(Index, bool first);
    void dispatch();
    bool may_have(const Taker&, const Slot&) const noexcept;
    void give(Taker&, Index);
    void into_hand(Taker&, Index, At);
    Slot* in_hand(const Taker&, std::uint64_t token);
    void out_of_hand(Index);
    void back(Index, std::chrono::microseconds delay);
    void drop(Index);
    void ask(Taker&, std::uint64_t more, bool now);
    void finished(Taker&, std::uint64_t token);
    std::uint64_t token(Index i) const noexcept { return std::uint64_t{slots_[i].generation} << 24 | i; }
    carrier::Job job(Index i) const noexcept;
    Result<bool> arrived(Conn&, const Frame&);
    void room_came();
    void dead_to(Conn&);

    static constexpr std::size_t most_jobs = 1u << 24;
    JobRules rules_;
    std::deque<Slot> slots_;
    std::vector<Index> free_;
    std::map<unsigned, std::deque<Index>, std::greater<>> queues_;
    std::multimap<Clock::time_point, Index> later_;
    std::deque<Index> dead_;
    std::size_t waiting_ = 0, waiting_bytes_ = 0, in_hand_ = 0;
    std::uint64_t serials_ = 0;
    std::deque<Taker*> askers_;
    std::size_t takers_ = 0;
    std::vector<std::uint64_t> held_;  // producers whose put waits
    Recent ids_;
    std::unordered_map<std::uint64_t, std::uint64_t> puts_;  // of each producer, by its mark, the last one
    std::deque<std::uint64_t> marks_;
    Taker* local_ = nullptr;
    Bell* bell_ = nullptr;
    std::unique_ptr<Hub> hub_;  // last: its end calls us
};

}  // namespace wye::hub
