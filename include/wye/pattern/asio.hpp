#pragma once
#include "wye/os/poll_proxy.hpp"
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/compose.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

namespace wye {

/// A publisher, subscriber, producer, worker, client or server in a program that runs on Asio: as wye/asio.hpp has it
/// for endpoints, with any completion token.
///
///     wye::AsyncPattern prices(context.get_executor(), wye::or_throw(wye::Subscriber<Price>::open("shm:prices")));
///     auto price = co_await prices.async_next(asio::use_awaitable);   // Result<Sample<Price>>
///
/// What is ready is done at once; else the pattern's native_handle() is watched, or, where it has none (who sends and
/// finds no room; sysv-mq:), it is tried again every millisecond. One operation at a time. Cancelled: Errc::closed,
/// with nothing taken or sent. Threads: those of one strand. The object must outlive what it began, and what is handed
/// out.
template <class P>
class AsyncPattern {
public:
    AsyncPattern(asio::any_io_executor executor, P pattern)
        : pattern_(std::move(pattern)), readable_(executor), timer_(executor) {}

    P& pattern() noexcept { return pattern_; }

    /// Of a subscriber. void(Result<Sample<T>>)
    template <class Token>
    auto async_next(Token&& token) {
        return run([this](Deadline d) { return pattern_.next(d); }, Deadline::never(), std::forward<Token>(token));
    }
    /// Of a worker. void(Result<TakenJob<T>>)
    template <class Token>
    auto async_take(Token&& token) {
        return run([this](Deadline d) { return pattern_.take(d); }, Deadline::never(), std::forward<Token>(token));
    }
    /// Of a publisher. void(Result<>)
    template <class T, class Token>
    auto async_publish(T value, std::string topic, Token&& token) {
        return run([this, v = std::move(value), t = std::move(topic)](Deadline d) { return pattern_.publish(v, t, d); },
                   Deadline::never(), std::forward<Token>(token));
    }
    /// Of a producer. void(Result<>)
    template <class T, class Token>
    auto async_put(T value, Token&& token) {
        return run([this, v = std::move(value)](Deadline d) { return pattern_.put(v, d); }, Deadline::never(),
                   std::forward<Token>(token));
    }
    /// Of a client. void(Result<Rep>); Errc::timed_out at the deadline.
    template <class T, class Token>
    auto async_call(T request, Deadline deadline, Token&& token, CallOptions how = {}) {
        return run([this, r = std::move(request), deadline, how, call = std::optional<std::uint64_t>()](
                       Deadline) mutable { return answer(pattern_, r, deadline, how, call); },
                   deadline, std::forward<Token>(token));
    }
    /// Of a server: one request, by the handler of Server::serve_one. void(Result<>)
    template <class F, class Token>
    auto async_serve_one(F handler, Token&& token) {
        return run([this, h = std::move(handler)](Deadline d) mutable { return pattern_.serve_one(h, d); },
                   Deadline::never(), std::forward<Token>(token));
    }

private:
    template <class C, class T>
    static auto answer(C& client, const T& request, Deadline deadline, const CallOptions& how,
                       std::optional<std::uint64_t>& call) -> decltype(client.poll(0)) {
        if (!call) {
            WYE_TRY(call, client.begin(request, deadline, how));
        }
        auto got = client.poll(*call);
        if (!got && got.error().is(Errc::timed_out) && deadline.passed()) client.cancel(*call);
        return got;
    }

    // The attempt, and while it answers timed_out: the wait, and again.
    template <class R, class Attempt>
    struct Operation {
        AsyncPattern* self;
        Attempt attempt;
        Deadline until;
        bool begun = false;

        template <class Self>
        void operator()(Self& op, std::error_code error = {}) {
            if (error && !until.passed()) return op.complete(R(fail(Errc::closed, "wait")));
            auto done = attempt(Deadline::now());
            if (done || !done.error().is(Errc::timed_out) || until.passed()) {
                if (begun) return op.complete(std::move(done));
                // Not from inside the function that begins it: Asio's promise to its users.
                begun = true;
                return asio::post(
                    self->readable_.get_executor(),
                    [op = std::move(op), done = std::move(done)]() mutable { op.complete(std::move(done)); });
            }
            begun = true;
            self->wait(until, std::move(op));
        }
    };

    template <class Attempt, class Token>
    auto run(Attempt attempt, Deadline until, Token&& token) {
        using R = decltype(attempt(Deadline::now()));
        return asio::async_compose<Token, void(R)>(Operation<R, Attempt>{this, std::move(attempt), until}, token,
                                                   readable_);
    }

    template <class Op>
    void wait(Deadline until, Op&& op) {
        if (!watch()) {
            timer_.expires_after(std::chrono::milliseconds(1));
            return timer_.async_wait(std::forward<Op>(op));
        }
        if (!until.is_never()) {
            timer_.expires_after(until.left());
            timer_.async_wait([this](std::error_code e) {
                if (!e) readable_.cancel();
            });
        }
        readable_.async_wait(asio::posix::descriptor_base::wait_read, std::forward<Op>(op));
    }

    bool watch() {
        if (readable_.is_open()) return true;
        if constexpr (requires { pattern_.native_handle(); }) {
            const int handle = pattern_.native_handle();
            if (handle < 0) return false;
            auto proxy = poll_proxy(handle, false);
            if (!proxy) return false;
            readable_.assign(proxy->release());
            return true;
        }
        return false;
    }

    P pattern_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer timer_;
};

}  // namespace wye
