// Pub-sub at the listening side: one log, and readers in it.
#pragma once
#include "pattern/hub/bell.hpp"
#include "pattern/hub/hub.hpp"
#include "pattern/hub/log.hpp"
#include "pattern/hub/recent.hpp"

namespace wye::hub {

class TopicHub : public Book {
public:
    static Result<std::unique_ptr<TopicHub>> open(const Uri&, Create, unsigned permissions, std::size_t depth,
                                                  std::size_t max_message);

    /// Errc::timed_out while subscribers that may hold it up do.
    Result<> publish(std::string_view topic, Bytes, std::string_view id, std::uint64_t sequence, Deadline);
    Result<> flush(Deadline);
    Result<> wait_subscribers(unsigned, Deadline);
    std::size_t max_message() const noexcept { return hub_->rules().max_message; }

    /// The subscriber that listens itself. Its samples are copied into `into`, some at a time.
    void join(Reader&, Bell&, std::uint64_t history);
    void leave_local();
    Result<> fetch(Pile& into, std::uint64_t& lost, Deadline);

    Result<> join(Conn&) override;
    Result<bool> frame(Conn&, const Frame&) override;
    void leave(Conn&) override;
    std::size_t gather(Conn&, iovec*, std::size_t room) override;
    void sent(Conn&, std::size_t) override;
    Clock::time_point next_due() override;
    void due(Clock::time_point) override;

private:
    struct Member : State {
        Reader reader;
        bool ready = true, asked = false;         // Slow::latest
        unsigned least = 0;                       // a publisher's: it waits for so many subscribers
        std::optional<Clock::time_point> held{};  // a publisher's: it waits since
    };
    explicit TopicHub(std::size_t depth) : log_(depth) {}
    static Member& of(Conn& c) { return static_cast<Member&>(*c.state); }
    template <class F>
    void each_reader(F&& f);
    bool blocked(std::size_t bytes, Clock::time_point since);
    Result<bool> published(Conn&, const Frame&);
    void put(const Front&, Bytes);
    void moved();
    unsigned subscribers() const noexcept { return static_cast<unsigned>(members_.size()) + (local_ ? 1 : 0); }

    Log log_;
    Recent recent_;
    std::vector<Conn*> members_;       // subscribers
    std::vector<std::uint64_t> held_;  // publishers whose frame waits
    Reader* local_ = nullptr;
    Bell* bell_ = nullptr;
    std::uint64_t floor_ = 0;                                // no reader that may hold it up stands before this byte
    Clock::time_point patience_ = Clock::time_point::max();  // until when the next one is waited for
    std::unique_ptr<Hub> hub_;                               // last: its end calls us
};

}  // namespace wye::hub
