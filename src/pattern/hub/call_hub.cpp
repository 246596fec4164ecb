#include "pattern/hub/call_hub.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

constexpr std::size_t most_spare = 4096;       // bytes: the place of a call that small is the next one's
constexpr std::size_t most_calls = 1024;       // of one client, under way
constexpr std::size_t most_ahead = 1 << 20;    // bytes to one client that the kernel has not taken: then we wait
constexpr std::size_t most_behind = 16 << 20;  // of what another server sends to it: then the client is given up

Deadline deadline_of(std::uint64_t us) {
    return us >= 1ull << 47 ? Deadline::never() : Deadline(std::chrono::microseconds(us));
}
std::uint64_t microseconds(Deadline d) {
    return d.is_never() ? 1ull << 48 : static_cast<std::uint64_t>(d.left().count() / 1000);
}

}  // namespace

Result<std::unique_ptr<CallHub>> CallHub::open(const Uri& uri, Create create, unsigned permissions,
                                               std::size_t max_message, Role role) {
    std::unique_ptr<CallHub> c(new CallHub(role));
    WYE_TRY(c->hub_,
            Hub::open(uri, create, permissions, {.pattern = Pattern::request, .max_message = max_message}, *c));
    if (role == Role::server) WYE_CHECK(c->hub_->open_desk());
    WYE_CHECK(c->hub_->start());
    return c;
}

// ---------------------------------------------------------------- calls

std::uint64_t CallHub::add(Member& client, std::uint64_t number, Bytes b, Deadline d, bool idempotent) {
    const auto id = ++numbers_;
    if (spare_.empty()) spare_ = Calls{{0, Call{}}}.extract(0);
    spare_.key() = id;
    auto& call = calls_.insert(std::move(spare_)).position->second;
    call.client = &client, call.number = number;
    call.bytes.assign(b.begin(), b.end());
    call.deadline = d, call.idempotent = idempotent;
    client.calls.push_back(id);
    waiting_.push_back(id);
    return id;
}

// To whoever has nothing to do, in turn; ourselves among them.
void CallHub::dispatch() {
    while (!waiting_.empty()) {
        const auto id = waiting_.front();
        const auto it = calls_.find(id);
        if (it == calls_.end() || it->second.server || (!us_.wants && it->second.deadline.passed())) {
            if (it != calls_.end() && !it->second.server) forget(it);
            waiting_.pop_front();
            continue;
        }
        Member* to = us_.wants && !ours_last_ ? &us_ : nullptr;
        for (std::size_t refused = 0; !to && refused < servers_.size(); ++refused) {
            auto* s = servers_.front();
            servers_.pop_front();
            servers_.push_back(s);
            if (s->wants && !s->conn->broken) to = s;
        }
        if (!to && us_.wants) to = &us_;
        if (!to) return;
        ours_last_ = to == &us_;
        waiting_.pop_front();
        hand(*to, id, it->second);
    }
}

void CallHub::hand(Member& server, std::uint64_t id, Call& call) {
    server.wants = false;
    call.server = &server;
    server.calls.push_back(id);
    if (!server.conn) {
        ready_.push_back(id);
        hub_->wake_desk();
        return;
    }
    hub_->send(*server.conn, {.kind = Kind::request,
                              .flags = call.again ? flag_again : std::uint8_t{0},
                              .words = {id, microseconds(call.deadline)},
                              .body = call.bytes});
}

void CallHub::forget(Calls::iterator it) {
    auto& call = it->second;
    if (call.client) std::erase(call.client->calls, it->first);
    if (call.server) std::erase(call.server->calls, it->first);
    auto node = calls_.extract(it);
    if (node.mapped().bytes.capacity() > most_spare) return;
    auto bytes = std::move(node.mapped().bytes);
    node.mapped() = {};
    node.mapped().bytes = std::move(bytes);
    spare_ = std::move(node);
}

// Sends what came of it to its client, by the client's own number.
void CallHub::answer(Calls::iterator it, Frame f) {
    auto& call = it->second;
    call.begun = true;
    const bool last = f.kind == Kind::failed || (f.flags & flag_last);
    f.words[0] = call.number;
    if (call.client && call.client->conn) {
        auto& c = *call.client->conn;
        hub_->send(c, f);
        if (c.out.size() > most_behind + max_message()) hub_->breaks(c);
    } else if (call.client) {
        (void)answers_.add(f);
        if (bell_) bell_->ring(true);
        hub_->tell();
    }
    if (last) forget(it);
}

void CallHub::fails(Calls::iterator it, Errc kind, std::string_view why) {
    answer(it, {.kind = Kind::failed, .words = {0, std::uint64_t(kind)}, .body = bytes_of(why)});
}

// Nobody waits for it any more.
void CallHub::give_up(Calls::iterator it) {
    auto& call = it->second;
    if (!call.server) return forget(it);
    call.cancelled = true;
    if (call.client) std::erase(call.client->calls, it->first);
    call.client = nullptr;
    if (call.server->conn) hub_->send(*call.server->conn, {.kind = Kind::cancel, .words = {it->first}});
}

CallHub::Calls::iterator CallHub::of_client(Member& m, std::uint64_t number) {
    for (const auto id : m.calls)
        if (const auto it = calls_.find(id); it != calls_.end() && it->second.number == number) return it;
    return calls_.end();
}

// ---------------------------------------------------------------- the server that listens

bool CallHub::wait(Hub::Lock& lock, Deadline d) { return hub_->turn_desk(lock, d); }

Result<carrier::Request> CallHub::next(Deadline d) {
    Hub::Lock lock(hub_->mutex);
    for (;;) {
        while (!ready_.empty()) {
            const auto it = calls_.find(ready_.front());
            const auto id = ready_.front();
            ready_.pop_front();
            if (it == calls_.end()) continue;
            auto& call = it->second;
            if (!call.cancelled && !call.deadline.passed())
                return carrier::Request{call.bytes, id, call.deadline, call.again};
            forget(it);
        }
        us_.wants = true;
        dispatch();
        if (!ready_.empty()) continue;
        if (!wait(lock, d) && ready_.empty()) {
            us_.wants = polled_;
            return fail(Errc::timed_out);
        }
    }
}

int CallHub::handle() {
    const Hub::Lock lock(hub_->mutex);
    us_.wants = polled_ = true;
    dispatch();
    return hub_->desk();
}

Result<> CallHub::reply(std::uint64_t token, const Frame& f, Deadline d) {
    if (f.body.size() > max_message()) return fail(Errc::too_big, "reply");
    Hub::Lock lock(hub_->mutex);
    for (;;) {
        const auto it = calls_.find(token);
        if (it == calls_.end()) return {};
        if (it->second.cancelled) {
            if (f.kind == Kind::failed || (f.flags & flag_last)) forget(it);
            return {};
        }
        auto* c = it->second.client ? it->second.client->conn : nullptr;
        if (!c || c->broken || c->out.size() < most_ahead) {
            answer(it, f);
            hub_->push();
            return {};
        }
        // It is slow to read: its socket is at the desk, or the thread's.
        hub_->push();
        if (c->out.size() < most_ahead) continue;
        if (!(hub_->has_desk() ? hub_->turn_desk(lock, d) : hub_->wait(lock, d)) && d.passed())
            return fail(Errc::timed_out);
    }
}

bool CallHub::cancelled(std::uint64_t token) {
    Hub::Lock lock(hub_->mutex);
    if (hub_->has_desk()) (void)hub_->turn_desk(lock, Deadline::now());
    const auto it = calls_.find(token);
    return it == calls_.end() || it->second.cancelled || it->second.deadline.passed();
}

// ---------------------------------------------------------------- the client that listens

Result<std::uint64_t> CallHub::begin(Bytes b, const CallOptions& how, Deadline d) {
    if (b.size() > max_message()) return fail(Errc::too_big, "begin");
    const Hub::Lock lock(hub_->mutex);
    if (!has_servers()) return refuse(Errc::not_found, Answers::why(Errc::not_found));
    const auto id = add(us_, numbers_ + 1, b, d, how.idempotent);
    dispatch();
    hub_->push();
    return id;
}

Result<carrier::Reply> CallHub::next(std::uint64_t call, Answers::Answer& room, Deadline d) {
    Hub::Lock lock(hub_->mutex);
    for (;;) {
        if (auto a = answers_.take(call)) {
            room = std::move(*a);
            if (bell_) bell_->ring(answers_.any());
            return Answers::hand_out(room);
        }
        if (of_client(us_, call) == calls_.end()) return fail(Errc::closed, "next");
        if (bell_) bell_->ring(answers_.any());
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    }
}

void CallHub::cancel(std::uint64_t call) {
    const Hub::Lock lock(hub_->mutex);
    answers_.forget(call);
    if (const auto it = of_client(us_, call); it != calls_.end()) give_up(it);
    hub_->push();
}

// ---------------------------------------------------------------- those that connect

Result<> CallHub::join(Conn& c) {
    auto m = std::make_unique<Member>();
    m->conn = &c;
    if (c.hello->role == Role::server) {
        servers_.push_back(m.get());
        hub_->close_desk();  // while we serve ourselves, somebody has to pass on what is for the others
    }
    c.state = std::move(m);
    return {};
}

void CallHub::leave(Conn& c) {
    auto& m = of(c);
    const bool server = c.hello->role == Role::server;
    if (server) std::erase(servers_, &m);
    for (const auto id : std::vector(m.calls)) {
        const auto it = calls_.find(id);
        if (it == calls_.end()) continue;
        auto& call = it->second;
        if (!server) {
            give_up(it);
            continue;
        }
        call.server = nullptr;
        if (call.cancelled) {
            forget(it);
        } else if (call.idempotent && !call.begun && has_servers()) {
            call.again = true;
            waiting_.push_front(id);
        } else {
            fails(it, Errc::peer_died, Answers::why(Errc::peer_died));
        }
    }
    if (server && !has_servers())
        for (const auto id : std::exchange(waiting_, {}))
            if (const auto it = calls_.find(id); it != calls_.end() && !it->second.server)
                fails(it, Errc::not_found, Answers::why(Errc::not_found));
    if (server && role_ == Role::server && servers_.empty()) (void)hub_->open_desk();
    dispatch();
}

Result<bool> CallHub::frame(Conn& c, const Frame& f) {
    auto& m = of(c);
    const bool server = c.hello->role == Role::server;
    if (!server && f.kind == Kind::request) {
        asked(c, f);
    } else if (!server && f.kind == Kind::cancel) {
        if (const auto it = of_client(m, f.words[0]); it != calls_.end()) give_up(it);
    } else if (server && f.kind == Kind::want) {
        m.wants = true;
        dispatch();
    } else if (server && f.kind == Kind::unwant) {
        m.wants = false;
        hub_->send(c, {.kind = Kind::none, .words = {0}});
    } else if (server && (f.kind == Kind::reply || f.kind == Kind::failed)) {
        answered(c, f);
    } else {
        return fail(Errc::corrupt, "frame");
    }
    return true;
}

void CallHub::asked(Conn& c, const Frame& f) {
    auto& m = of(c);
    const auto no = [&](Errc kind, std::string_view why) {
        hub_->send(c, {.kind = Kind::failed, .words = {f.words[0], std::uint64_t(kind)}, .body = bytes_of(why)});
    };
    if (!has_servers()) return no(Errc::not_found, Answers::why(Errc::not_found));
    if (m.calls.size() >= most_calls) return no(Errc::exhausted, "more than 1024 requests of one client are under way");
    add(m, f.words[0], f.body, deadline_of(f.words[1]), f.flags & flag_idempotent);
    dispatch();
}

void CallHub::answered(Conn& c, const Frame& f) {
    const auto it = calls_.find(f.words[0]);
    if (it == calls_.end() || it->second.server != &of(c)) return;
    if (!it->second.cancelled) return answer(it, f);
    if (f.kind == Kind::failed || (f.flags & flag_last)) forget(it);
}

// All that was made for it has left: whoever waits to send more may.
std::size_t CallHub::gather(Conn&, iovec*, std::size_t) {
    hub_->tell();
    return 0;
}

}  // namespace wye::hub
