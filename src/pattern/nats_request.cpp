// Requests over NATS: servers in a queue group; a caller that waits asks who has its call, and learns when that one
// dies.
#include "wye/base/text.hpp"

#include "os/fork.hpp"
#include "pattern/nats.hpp"
#include "pattern/nats_headers.hpp"

#include <deque>
#include <set>

namespace wye::carrier::nats {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

constexpr const char* group = "wye";
constexpr auto silence = 500ms;  // then a caller asks whether the server lives
constexpr std::size_t most_cancelled = 1024;

// ---------------------------------------------------------------- asking

class NatsClient final : public Client {
public:
    NatsClient(Place p, const ServeOptions& how) : place_(std::move(p)), most_(room(*place_.engine, how.max_message)) {}

    Result<> open() {
        answers_ = place_.engine->new_subject() + ".";
        WYE_TRY(inbox_, place_.engine->subscribe(answers_ + "*", {}));
        return {};
    }

    Result<std::uint64_t> begin(Bytes b, const CallOptions& how, Deadline d) override {
        WYE_CHECK(fits(b, most_));
        const auto id = ++count_;
        Call c{.deadline = d, .idempotent = how.idempotent};
        if (how.idempotent) c.request.assign(b.begin(), b.end());
        WYE_CHECK(ask(id, b, d, false));
        c.heard = Clock::now();
        calls_.emplace(id, std::move(c));
        return id;
    }

    Result<Reply> next(std::uint64_t id, Deadline d) override {
        const auto at = calls_.find(id);
        if (at == calls_.end()) return fail(Errc::closed, "next");
        auto& call = at->second;
        for (;;) {
            if (!call.came.empty()) {
                held_ = std::move(call.came.front());
                call.came.pop_front();
                auto r = read(id, call);
                if (!r || (*r && (*r)->last)) calls_.erase(id);
                if (!r) return std::unexpected(std::move(r).error());
                if (*r) return **r;
                continue;
            }
            const auto m = sort_one(d.sooner(Deadline::at(call.heard + silence)));
            if (m) continue;
            if (!m.error().is(Errc::timed_out)) return std::unexpected(m.error());
            if (d.passed()) return fail(Errc::timed_out, "next");
            if (Clock::now() < call.heard + silence) continue;
            if (auto alive = look_after(id, call, d); !alive) {
                calls_.erase(id);
                return std::unexpected(std::move(alive).error());
            }
        }
    }

    void cancel(std::uint64_t id) noexcept override {
        const auto at = calls_.find(id);
        if (at == calls_.end()) return;
        if (!at->second.server.empty())
            tell(id, at->second.server);
        else if (cancelled_.size() < most_cancelled)
            cancelled_.insert(id);
        calls_.erase(at);
    }
    std::size_t max_message() const noexcept override { return most_; }
    int native_handle() noexcept override { return inbox_->native_handle(); }

private:
    struct Call {
        Deadline deadline = Deadline::never();
        bool idempotent = false;
        std::vector<std::byte> request = {};  // to be asked again
        std::string server = {};              // where the one that has it hears
        std::uint64_t parts = 0;
        Clock::time_point heard = {};
        std::deque<engine::Message> came = {};
    };

    Result<> ask(std::uint64_t id, Bytes b, Deadline d, bool again) {
        // Rounded up: a server that has a millisecond too much is harmless.
        Left left;
        if (!d.is_never()) left.left = std::chrono::ceil<std::chrono::milliseconds>(d.left());
        const auto text = left.text(), reply = answers_ + std::to_string(id);
        const engine::Header headers[] = {{Left::header, text}, {again_header, "1"}};
        return place_.engine->publish(
            {.subject = place_.subject, .bytes = b, .reply = reply, .headers = std::span(headers, again ? 2 : 1)}, d);
    }

    // Puts what comes to the call that it is for.
    Result<> sort_one(Deadline d) {
        WYE_TRY(auto m, inbox_->next(d));
        const auto id =
            m.subject.starts_with(answers_) ? parse_number(m.subject.substr(answers_.size())) : std::nullopt;
        const auto at = id ? calls_.find(*id) : calls_.end();
        const auto here = m.header(here_header);
        if (at != calls_.end()) {
            at->second.heard = Clock::now();
            if (!here.empty())
                at->second.server = here;
            else
                at->second.came.push_back(std::move(m));
        } else if (id && !here.empty() && cancelled_.erase(*id)) {
            tell(*id, std::string(here));
        }
        return {};
    }

    // What held_ says; nothing when it is to be passed over.
    Result<std::optional<Reply>> read(std::uint64_t id, Call& call) {
        if (held_.header("Status") == "503") {
            if (call.parts > 0) return std::nullopt;
            return refuse(Errc::not_found, "nats: nobody serves " + place_.subject);
        }
        if (const auto kind = held_.header(error_header); kind.data())
            return refuse(parse_error_kind(kind).value_or(Errc::failed), text_of(held_.bytes));
        const auto header = held_.header(Part::header);
        const auto part = header.data() ? Part::parse(header) : Part{.n = call.parts};
        if (!part)
            return refuse(Errc::mismatch,
                          "nats: an answer of call " + std::to_string(id) + " has no part number that we understand");
        if (part->n < call.parts) return std::nullopt;  // of a server that was thought dead
        if (part->n > call.parts) return refuse(Errc::peer_died, "nats: parts of the answer were lost on the way");
        ++call.parts;
        return Reply{.bytes = held_.bytes, .last = part->last};
    }

    // The server that has it is asked whether it is there. NATS knows by its connection, which the kernel closes for
    // it.
    Result<> look_after(std::uint64_t id, Call& call, Deadline d) {
        call.heard = Clock::now();
        if (!call.server.empty()) {
            const auto alive = place_.engine->request({.subject = call.server}, d.sooner(1s));
            if (alive || !alive.error().is(Errc::not_found)) return {};
            if (!call.idempotent)
                return refuse(
                    Errc::peer_died,
                    "nats: the server died over it; it was not said to be idempotent, and is not asked again");
            if (call.parts > 0) return refuse(Errc::peer_died, "nats: the server died in the middle of its answer");
            call.server.clear();
        } else if (!call.idempotent) {
            return {};  // perhaps it is on its way
        }
        return ask(id, call.request, call.deadline.sooner(d), true);
    }

    void tell(std::uint64_t id, const std::string& server) noexcept {
        const auto reply = answers_ + std::to_string(id);
        (void)place_.engine->publish({.subject = server, .bytes = bytes_of(reply)}, Deadline::now());
    }

    Place place_;
    std::size_t most_;
    std::string answers_;
    std::unique_ptr<engine::Inbox> inbox_;
    std::map<std::uint64_t, Call> calls_;
    std::set<std::uint64_t> cancelled_;
    engine::Message held_;
    std::uint64_t count_ = 0;
};

// ---------------------------------------------------------------- answering

class NatsServerRole final : public Server {
public:
    NatsServerRole(Place p, const ServeOptions& how)
        : place_(std::move(p)), most_(room(*place_.engine, how.max_message)) {}

    Result<> open(Deadline d) {
        auto& e = *place_.engine;
        const auto here = e.new_subject();
        // Asked for nothing, it says that it lives; a subject is a call that nobody waits for any more.
        WYE_TRY(control_, e.subscribe(here, {.on_arrival = [&e, cancelled = cancelled_](const engine::Message& m) {
                                          if (m.bytes.empty())
                                              (void)e.publish({.subject = m.reply}, Deadline::now());
                                          else
                                              cancelled->add(std::string(text_of(m.bytes)));
                                          return false;
                                      }}));
        // Before it is known how long it takes, so that who waits knows whom to ask. Only who speaks as we do is told.
        WYE_TRY(inbox_,
                e.subscribe(place_.subject,
                            {.group = group, .stamps = true, .on_arrival = [&e, here](const engine::Message& m) {
                                 const engine::Header headers[] = {{here_header, here}};
                                 if (!m.reply.empty() && m.header(Left::header).data())
                                     (void)e.publish({.subject = m.reply, .headers = headers}, Deadline::now());
                                 return true;
                             }}));
        return e.flush(d);
    }

    Result<Request> next(Deadline d) override {
        for (;;) {
            WYE_TRY(auto m, inbox_->next(d));
            const auto header = m.header(Left::header);
            const auto left = header.data() ? Left::parse(header) : Left{};
            const auto until = !left || !left->left ? Deadline::never() : Deadline::at(m.came + *left->left);
            if (until.passed() || cancelled_->take(std::string(m.reply))) continue;
            const auto token = ++count_;
            const bool again = m.header(again_header).data() != nullptr;
            auto& kept = open_.emplace(token, Open{std::string(m.reply), until, std::move(m)}).first->second;
            return Request{.bytes = kept.message.bytes, .token = token, .deadline = until, .again = again};
        }
    }

    Result<> reply(std::uint64_t token, Bytes b, bool last, Deadline d) override {
        const auto at = open_.find(token);
        if (at == open_.end()) return fail(Errc::not_found, "reply");
        auto& o = at->second;
        if (const auto r = fits(b, most_); !r) return r;
        const auto part = Part{.n = o.parts++, .last = last};
        const auto text = part.text();
        const engine::Header headers[] = {{Part::header, text}};
        const bool whole = last && part.n == 0;
        const auto r = o.reply.empty()
                           ? Result<>()
                           : place_.engine->publish(
                                 {.subject = o.reply, .bytes = b, .headers = std::span(headers, whole ? 0 : 1)}, d);
        if (last) open_.erase(at);
        return r;
    }

    Result<> refuse(std::uint64_t token, const Error& why, Deadline d) override {
        const auto at = open_.find(token);
        if (at == open_.end()) return fail(Errc::not_found, "refuse");
        const auto text = why.message();
        const auto kind = name(why.kind());
        const engine::Header headers[] = {{error_header, kind}};
        const auto reply = std::move(at->second.reply);
        open_.erase(at);
        if (reply.empty()) return {};
        return place_.engine->publish(
            {.subject = reply, .bytes = bytes_of(std::string_view(text).substr(0, most_)), .headers = headers}, d);
    }

    bool cancelled(std::uint64_t token) noexcept override {
        const auto at = open_.find(token);
        return at == open_.end() || at->second.until.passed() || cancelled_->has(at->second.reply);
    }
    int native_handle() noexcept override { return inbox_->native_handle(); }

private:
    // Calls that were given up, until we come to them; told by the engine's thread. One that never comes is forgotten.
    class Cancelled {
    public:
        void add(std::string call) {
            const std::lock_guard guard(mutex_);
            if (calls_.size() >= most_cancelled) calls_.clear();
            calls_.insert(std::move(call));
        }
        bool has(const std::string& call) {
            const std::lock_guard guard(mutex_);
            return calls_.contains(call);
        }
        bool take(const std::string& call) {
            const std::lock_guard guard(mutex_);
            return calls_.erase(call) > 0;
        }

    private:
        std::mutex mutex_;
        std::set<std::string> calls_;
    };
    struct Open {
        std::string reply;
        Deadline until;
        engine::Message message;
        std::uint64_t parts = 0;
    };

    Place place_;
    std::size_t most_;
    std::shared_ptr<Cancelled> cancelled_ = std::make_shared<Cancelled>();
    std::unique_ptr<engine::Inbox> control_, inbox_;
    std::map<std::uint64_t, Open> open_;
    std::uint64_t count_ = 0;
};

}  // namespace

Result<std::unique_ptr<Client>> client(const Uri& uri, const ServeOptions& how, Deadline d) {
    WYE_TRY(auto place, connect(uri, d, true));  // somebody waits for each
    auto c = std::make_unique<NatsClient>(std::move(place), how);
    WYE_CHECK(c->open());
    return c;
}

Result<std::unique_ptr<Server>> server(const Uri& uri, const ServeOptions& how, Deadline d) {
    WYE_TRY(auto place, connect(uri, d, true));  // somebody waits for each
    auto s = std::make_unique<NatsServerRole>(std::move(place), how);
    WYE_CHECK(s->open(d));
    return s;
}

}  // namespace wye::carrier::nats
