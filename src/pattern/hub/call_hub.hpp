// Requests at the listening side: calls that wait for a server, and calls that one has in hand.
#pragma once
#include "wye/pattern/carrier.hpp"

#include "pattern/hub/answers.hpp"
#include "pattern/hub/hub.hpp"

namespace wye::hub {

class CallHub : public Book {
public:
    /// As a server, or as a client: what listens is one of both.
    static Result<std::unique_ptr<CallHub>> open(const Uri&, Create, unsigned permissions, std::size_t max_message,
                                                 Role);

    // the server that listens
    Result<carrier::Request> next(Deadline);
    Result<> reply(std::uint64_t token, const Frame&, Deadline);
    bool cancelled(std::uint64_t token);
    int handle();

    // the client that listens
    Result<std::uint64_t> begin(Bytes, const CallOptions&, Deadline);
    Result<carrier::Reply> next(std::uint64_t call, Answers::Answer& room, Deadline);
    void cancel(std::uint64_t call);
    void use(Bell& b) { bell_ = &b; }

    std::size_t max_message() const noexcept { return hub_->rules().max_message; }

    Result<> join(Conn&) override;
    Result<bool> frame(Conn&, const Frame&) override;
    void leave(Conn&) override;
    std::size_t gather(Conn&, iovec*, std::size_t room) override;

private:
    struct Member : State {
        Conn* conn = nullptr;                // null: ours
        bool wants = false;                  // a server's: it has nothing to do
        std::vector<std::uint64_t> calls{};  // a client's own, a server's in hand
    };
    struct Call {
        Member* client = nullptr;
        std::uint64_t number = 0;  // the client's own
        std::vector<std::byte> bytes{};
        Deadline deadline = Deadline::never();
        Member* server = nullptr;  // that has it in hand
        bool idempotent = false, again = false, begun = false, cancelled = false;
    };
    using Calls = std::unordered_map<std::uint64_t, Call>;

    explicit CallHub(Role r) : role_(r) {}
    static Member& of(Conn& c) { return static_cast<Member&>(*c.state); }
    bool has_servers() const noexcept { return role_ == Role::server || !servers_.empty(); }
    std::uint64_t add(Member& client, std::uint64_t number, Bytes, Deadline, bool idempotent);
    void asked(Conn&, const Frame&);
    void dispatch();
    void hand(Member&, std::uint64_t id, Call&);
    void answer(Calls::iterator, Frame);
    void fails(Calls::iterator, Errc, std::string_view);
    void forget(Calls::iterator);
    void give_up(Calls::iterator);
    Calls::iterator of_client(Member&, std::uint64_t number);
    void answered(Conn&, const Frame&);
    bool wait(Hub::Lock&, Deadline);

    Role role_;
    bool polled_ = false, ours_last_ = false;
    Member us_;
    Calls calls_;
    Calls::node_type spare_;
    std::uint64_t numbers_ = 0;
    std::deque<std::uint64_t> waiting_, ready_;  // ready: in our hand, and not yet looked at
    std::deque<Member*> servers_;                // that connect; who is asked next is in front
    Answers answers_;                            // to us
    Bell* bell_ = nullptr;
    std::unique_ptr<Hub> hub_;  // last: its end calls us
};

}  // namespace wye::hub
