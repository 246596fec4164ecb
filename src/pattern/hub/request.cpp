// Clients and servers of a hub.
#include "pattern/hub/call_hub.hpp"
#include "pattern/hub/ends.hpp"
#include "pattern/hub/link.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

using namespace std::chrono_literals;
// A server that is gone is looked for so long, and then there is none.
constexpr auto restart = 500ms;

std::uint64_t microseconds(Deadline d) {
    return d.is_never() ? 1ull << 48 : static_cast<std::uint64_t>(d.left().count() / 1000);
}

// ---------------------------------------------------------------- clients

class HubClient final : public carrier::Client {
public:
    explicit HubClient(std::unique_ptr<CallHub> h) : hub_(std::move(h)) { hub_->use(bell_); }
    Result<std::uint64_t> begin(Bytes b, const CallOptions& how, Deadline d) override { return hub_->begin(b, how, d); }
    Result<carrier::Reply> next(std::uint64_t call, Deadline d) override { return hub_->next(call, room_, d); }
    void cancel(std::uint64_t call) noexcept override { hub_->cancel(call); }
    std::size_t max_message() const noexcept override { return hub_->max_message(); }
    int native_handle() noexcept override {
        if (bell_.used()) return bell_.handle();
        const int h = bell_.handle();
        bell_.ring(true);
        return h;
    }

private:
    Bell bell_;
    Answers::Answer room_;
    std::unique_ptr<CallHub> hub_;
};

class LinkClient final : public carrier::Client {
public:
    explicit LinkClient(std::unique_ptr<Link> l) : link_(std::move(l)) {}

    Result<std::uint64_t> begin(Bytes b, const CallOptions& how, Deadline d) override {
        if (b.size() > max_message()) return fail(Errc::too_big, "begin");
        const auto id = ++number_;
        for (;;) {
            WYE_CHECK(there(d));
            auto r = say(id, b, d, how.idempotent, false);
            if (!r && r.error().is(Errc::peer_died)) continue;
            if (!r) return std::unexpected(std::move(r).error());
            break;
        }
        auto& call = calls_.emplace_back();
        call.id = id, call.deadline = d, call.times = link_->times();
        if (how.idempotent) call.bytes.emplace(b.begin(), b.end());
        return id;
    }

    Result<carrier::Reply> next(std::uint64_t id, Deadline d) override {
        auto got = one(id, d);
        link_->settle(answers_.any());
        if (got ? got->last : !got.error().is(Errc::timed_out)) forget(id);
        return got;
    }

    void cancel(std::uint64_t id) noexcept override {
        const auto* call = find(id);
        if (!call) return;
        if (link_->up() && call->times == link_->times())
            (void)link_->send({.kind = Kind::cancel, .words = {id}}, soon(Deadline::now()));
        forget(id);
    }
    std::size_t max_message() const noexcept override { return link_->max_message(); }
    int native_handle() noexcept override { return link_->native_handle(); }

private:
    struct Call {
        std::uint64_t id = 0;
        Deadline deadline = Deadline::never();
        std::uint32_t times = 0;                        // of the connection it was sent by
        std::optional<std::vector<std::byte>> bytes{};  // it may be asked again
    };

    Result<> say(std::uint64_t id, Bytes b, Deadline until, bool idempotent, bool again) {
        const auto flags = (idempotent ? flag_idempotent : 0) | (again ? flag_again : 0);
        return link_->send({.kind = Kind::request,
                            .flags = static_cast<std::uint8_t>(flags),
                            .words = {id, microseconds(until)},
                            .body = b},
                           until);
    }
    Result<> there(Deadline d) {
        if (link_->up()) return {};
        auto r = link_->mend(d.sooner(restart));
        if (r || !r.error().is(Errc::timed_out)) return r;
        return refuse(Errc::not_found, Answers::why(Errc::not_found));
    }
    Result<carrier::Reply> one(std::uint64_t id, Deadline d) {
        if (auto a = answers_.take(id)) return Answers::hand_out(room_ = std::move(*a));
        auto* call = find(id);
        if (!call) return fail(Errc::closed, "next");
        for (;;) {
            WYE_CHECK(still_asked(*call, d));
            auto f = link_->next(d);
            if (!f && link_->up()) return std::unexpected(std::move(f).error());
            if (!f || (f->kind != Kind::reply && f->kind != Kind::failed)) continue;
            if (f->words[0] != id) {
                if (find(f->words[0]) && !answers_.add(*f))
                    (void)link_->send({.kind = Kind::cancel, .words = {f->words[0]}}, soon(d));
                continue;
            }
            call->bytes.reset();  // half an answer is not asked for again
            if (f->kind == Kind::reply) return carrier::Reply{f->body, (f->flags & flag_last) != 0};
            return refuse(Answers::kind_of(*f), text_of(f->body));
        }
    }
    // The server that had it died. Asked again, or nobody knows how far it came.
    Result<> still_asked(Call& call, Deadline d) {
        if (link_->up() && call.times == link_->times()) return {};
        if (!call.bytes) return refuse(Errc::peer_died, Answers::why(Errc::peer_died));
        WYE_CHECK(there(d));
        WYE_CHECK(say(call.id, *call.bytes, call.deadline, true, true));
        call.times = link_->times();
        return {};
    }

    Call* find(std::uint64_t id) noexcept {
        const auto it = std::ranges::find(calls_, id, &Call::id);
        return it == calls_.end() ? nullptr : &*it;
    }
    void forget(std::uint64_t id) {
        answers_.forget(id);
        std::erase_if(calls_, [&](const Call& c) { return c.id == id; });
    }

    std::unique_ptr<Link> link_;
    std::uint64_t number_ = 0;
    Answers answers_;
    std::vector<Call> calls_;  // few at a time
    Answers::Answer room_;
};

// ---------------------------------------------------------------- servers

Frame refusal(const Error& e, std::string& room) {
    room = e.message();
    return {.kind = Kind::failed, .words = {0, std::uint64_t(e.kind())}, .body = bytes_of(room)};
}

class HubServer final : public carrier::Server {
public:
    explicit HubServer(std::unique_ptr<CallHub> h) : hub_(std::move(h)) {}
    Result<carrier::Request> next(Deadline d) override { return hub_->next(d); }
    Result<> reply(std::uint64_t token, Bytes b, bool last, Deadline d) override {
        return hub_->reply(token, {.kind = Kind::reply, .flags = last ? flag_last : std::uint8_t{0}, .body = b}, d);
    }
    Result<> refuse(std::uint64_t token, const Error& e, Deadline d) override {
        std::string room;
        return hub_->reply(token, refusal(e, room), d);
    }
    bool cancelled(std::uint64_t token) noexcept override { return hub_->cancelled(token); }
    int native_handle() noexcept override { return hub_->handle(); }

private:
    std::unique_ptr<CallHub> hub_;
};

class LinkServer final : public carrier::Server {
public:
    explicit LinkServer(std::unique_ptr<Link> l) : link_(std::move(l)) {}

    Result<carrier::Request> next(Deadline d) override {
        for (;;) {
            if (!link_->up()) WYE_CHECK(link_->mend(d));
            if (times_ != link_->times()) times_ = link_->times(), requests_.clear(), wanted_ = false;
            auto got = one(d);
            link_->settle(false);
            if (got || link_->up()) return got;
        }
    }
    Result<> reply(std::uint64_t token, Bytes b, bool last, Deadline d) override {
        return answer(token, {.kind = Kind::reply, .flags = last ? flag_last : std::uint8_t{0}, .body = b}, d);
    }
    Result<> refuse(std::uint64_t token, const Error& e, Deadline d) override {
        std::string room;
        return answer(token, refusal(e, room), d);
    }
    bool cancelled(std::uint64_t token) noexcept override {
        while (link_->up()) {
            const auto f = link_->next(Deadline::now());
            if (!f) break;
            (void)came(*f);
        }
        const auto it = requests_.find(token);
        return !link_->up() || it == requests_.end() || it->second.cancelled || it->second.deadline.passed();
    }
    int native_handle() noexcept override {
        if (!std::exchange(polled_, true)) (void)want(Deadline::now());
        return link_->native_handle();
    }

private:
    struct Asked {
        std::vector<std::byte> bytes{};
        Deadline deadline = Deadline::never();
        bool again = false, cancelled = false, given = false;
    };

    Result<> want(Deadline d) {
        if (wanted_ || !link_->up()) return {};
        WYE_CHECK(link_->send({.kind = Kind::want, .flags = flag_now, .words = {1}}, soon(d)));
        wanted_ = true;
        return {};
    }
    // True at the word that none is under way.
    bool came(const Frame& f) {
        if (f.kind == Kind::request) {
            wanted_ = false;
            requests_[f.words[0]] = {.bytes = {f.body.begin(), f.body.end()},
                                     .deadline = f.words[1] >= 1ull << 47
                                                     ? Deadline::never()
                                                     : Deadline(std::chrono::microseconds(f.words[1])),
                                     .again = (f.flags & flag_again) != 0};
        } else if (f.kind == Kind::cancel) {
            if (const auto it = requests_.find(f.words[0]); it != requests_.end()) it->second.cancelled = true;
        }
        return f.kind == Kind::none;
    }
    std::optional<carrier::Request> at_hand() {
        for (auto& [token, r] : requests_) {
            if (r.given || r.cancelled || r.deadline.passed()) continue;
            r.given = true;
            return carrier::Request{r.bytes, token, r.deadline, r.again};
        }
        return {};
    }
    // Those that nobody waits for and that were never handed out.
    void tidy() {
        for (auto it = requests_.begin(); it != requests_.end();) {
            if (it->second.given || !(it->second.cancelled || it->second.deadline.passed())) {
                ++it;
                continue;
            }
            (void)link_->send({.kind = Kind::reply, .flags = flag_last, .words = {it->first}}, soon(Deadline::now()));
            it = requests_.erase(it);
        }
    }
    Result<carrier::Request> one(Deadline d) {
        bool leaving = false;
        for (;;) {
            if (auto r = at_hand()) return *r;
            tidy();
            if (!leaving) WYE_CHECK(want(d));
            auto f = link_->next(leaving ? soon(Deadline::now()) : d);
            if (f) {
                if (!came(*f)) continue;
                wanted_ = false;
                if (leaving) return fail(Errc::timed_out);
            } else if (!f.error().is(Errc::timed_out) || leaving || polled_) {
                return std::unexpected(std::move(f).error());
            } else {
                // Nobody waits here any more: a request that comes now would lie about.
                leaving = true;
                WYE_CHECK(link_->send({.kind = Kind::unwant}, soon(d)));
            }
        }
    }
    Result<> answer(std::uint64_t token, Frame f, Deadline d) {
        if (f.body.size() > link_->max_message()) return fail(Errc::too_big, "reply");
        if (!link_->up() || times_ != link_->times() || !requests_.contains(token)) return {};
        f.words[0] = token;
        if (f.kind == Kind::failed || (f.flags & flag_last)) requests_.erase(token);
        auto r = link_->send(f, soon(d));
        return r || !r.error().is(Errc::peer_died) ? r : Result<>();
    }

    std::unique_ptr<Link> link_;
    std::uint32_t times_ = 0;
    std::unordered_map<std::uint64_t, Asked> requests_;
    bool wanted_ = false, polled_ = false;
};

}  // namespace

Result<std::unique_ptr<carrier::Client>> client(const Uri& uri, const ServeOptions& how, Deadline d) {
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        WYE_TRY(auto hub, CallHub::open(uri, how.create, how.permissions, or_usual(how.max_message, usual_message),
                                        Role::client));
        return std::make_unique<HubClient>(std::move(hub));
    }
    WYE_TRY(auto link, Link::open(uri, {.role = Role::client}, d));
    return std::make_unique<LinkClient>(std::move(link));
}

Result<std::unique_ptr<carrier::Server>> server(const Uri& uri, const ServeOptions& how, Deadline d) {
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        WYE_TRY(auto hub, CallHub::open(uri, how.create, how.permissions, or_usual(how.max_message, usual_message),
                                        Role::server));
        return std::make_unique<HubServer>(std::move(hub));
    }
    WYE_TRY(auto link, Link::open(uri, {.role = Role::server}, d));
    return std::make_unique<LinkServer>(std::move(link));
}

}  // namespace wye::hub
