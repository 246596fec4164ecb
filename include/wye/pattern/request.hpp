#pragma once
#include "wye/pattern/carrier.hpp"
#include "wye/pattern/payload.hpp"

#include <concepts>

namespace wye {

namespace pattern {
Result<std::unique_ptr<carrier::Client>> open_client(std::string_view uri, const ServeOptions&, Deadline);
Result<std::unique_ptr<carrier::Server>> open_server(std::string_view uri, const ServeOptions&, Deadline);
}  // namespace pattern

/// The parts of an answer, as they come; Errc::closed behind the last. Dropped before, the rest is not wanted.
template <Payload Rep>
class Replies {
public:
    Replies(carrier::Client& c, std::uint64_t call, Deadline d) : client_(&c), call_(call), deadline_(d) {}
    Replies(Replies&& o) noexcept
        : client_(std::exchange(o.client_, nullptr)), call_(o.call_), deadline_(o.deadline_) {}
    Replies& operator=(Replies&&) = delete;
    ~Replies() {
        if (client_) client_->cancel(call_);
    }
    Result<Rep> next() {
        if (!client_) return fail(Errc::closed, "next");
        auto got = client_->next(call_, deadline_);
        if (!got || got->last) {
            auto* c = std::exchange(client_, nullptr);
            if (!got && got.error().is(Errc::timed_out)) c->cancel(call_);
        }
        if (!got) return std::unexpected(std::move(got).error());
        return pattern::from_bytes<Rep>(got->bytes);
    }

private:
    carrier::Client* client_;
    std::uint64_t call_;
    Deadline deadline_;
};

/// Asks, and waits for the answer.
///
///     WYE_TRY(auto squares, (wye::Client<int, int>::open("unix:/run/square.sock")));
///     WYE_TRY(int nine, squares.call(3, 200ms));
///
/// A request without a deadline is a mistake, so there is no default. Errc::timed_out: it may have been done all the
/// same. Errc::peer_died: the server died over it, and it was not repeated, because it was not said to be idempotent;
/// Errc::not_found: no server is there. What the server refused comes as its own error. Threads: one at a time.
template <Payload Req = Bytes, Payload Rep = Bytes>
class Client {
public:
    [[nodiscard]] static Result<Client> open(std::string_view uri, const ServeOptions& how = {},
                                             Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_client(uri, how, d));
        return Client(std::move(c));
    }
    /// Rep of Bytes stays until the next call.
    Result<Rep> call(const Req& r, Deadline d, const CallOptions& how = {}) {
        WYE_TRY(auto replies, stream(r, d, how));
        return replies.next();
    }
    Result<Replies<Rep>> stream(const Req& r, Deadline d, const CallOptions& how = {}) {
        WYE_TRY(const auto id, carrier_->begin(pattern::to_bytes(r, room_), how, d));
        return Replies<Rep>(*carrier_, id, d);
    }
    /// For programs with an event loop: begin(), and when native_handle() is readable, poll().
    Result<std::uint64_t> begin(const Req& r, Deadline d, const CallOptions& how = {}) {
        return carrier_->begin(pattern::to_bytes(r, room_), how, d);
    }
    Result<Rep> poll(std::uint64_t call) {
        WYE_TRY(const auto got, carrier_->next(call, Deadline::now()));
        return pattern::from_bytes<Rep>(got.bytes);
    }
    void cancel(std::uint64_t call) noexcept { carrier_->cancel(call); }
    int native_handle() noexcept { return carrier_->native_handle(); }

private:
    explicit Client(std::unique_ptr<carrier::Client> c) : carrier_(std::move(c)) {}
    std::unique_ptr<carrier::Client> carrier_;
    std::vector<std::byte> room_;
};

/// Where a handler sends the parts of a long answer.
template <Payload Rep>
class Replier {
public:
    Replier(carrier::Server& s, std::uint64_t token, Deadline d) : server_(s), token_(token), deadline_(d) {}
    Result<> send(const Rep& part) { return server_.reply(token_, pattern::to_bytes(part, room_), false, deadline_); }
    /// The caller has gone, or does not want the rest.
    bool cancelled() const noexcept { return server_.cancelled(token_); }
    Deadline deadline() const noexcept { return deadline_; }

private:
    carrier::Server& server_;
    std::uint64_t token_;
    Deadline deadline_;
    std::vector<std::byte> room_;
};

/// Answers. Any number of servers on one address share the load where the carrier can (Abilities::many_servers).
///
///     WYE_TRY(auto server, (wye::Server<int, int>::open("unix:/run/square.sock?listen")));
///     for (;;) WYE_CHECK(server.serve_one([](int x) { return x * x; }));
///
/// The handler returns Rep, or Result<Rep> to refuse, or takes a Replier<Rep>& and returns Result<>, for an answer in
/// parts. What comes when the caller's deadline has passed is not served. Threads: one at a time; open more servers.
template <Payload Req = Bytes, Payload Rep = Bytes>
class Server {
public:
    [[nodiscard]] static Result<Server> open(std::string_view uri, const ServeOptions& how = {},
                                             Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_server(uri, how, d));
        return Server(std::move(c));
    }
    /// Errors are of the carrier; what a handler refuses goes to the caller. A caller that has gone is no error.
    template <class F>
    Result<> serve_one(F&& handle, Deadline d = Deadline::never()) {
        WYE_TRY(const auto request, carrier_->next(d));
        auto value = pattern::from_bytes<Req>(request.bytes);
        if (!value) return carrier_->refuse(request.token, value.error(), request.deadline);
        if constexpr (std::invocable<F&, const Req&, Replier<Rep>&>) {
            Replier<Rep> to(*carrier_, request.token, request.deadline);
            const Result<> ended = handle(*value, to);
            return carrier_->refuse(request.token, ended ? Error(Errc::closed, "next") : ended.error(),
                                    request.deadline);
        } else {
            Result<Rep> answer = handle(*value);
            return answer ? carrier_->reply(request.token, pattern::to_bytes(*answer, room_), true, request.deadline)
                          : carrier_->refuse(request.token, answer.error(), request.deadline);
        }
    }
    int native_handle() noexcept { return carrier_->native_handle(); }

private:
    explicit Server(std::unique_ptr<carrier::Server> c) : carrier_(std::move(c)) {}
    std::unique_ptr<carrier::Server> carrier_;
    std::vector<std::byte> room_;
};

}  // namespace wye
