#pragma once
#include "wye/core/endpoint.hpp"
#include "wye/os/poll_proxy.hpp"

#include <asio/any_io_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/compose.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>

namespace wye {

/// An endpoint in a program that runs on Asio (standalone, think-async.com): send, receive and wait with any completion
/// token, so by callback, future or `co_await`. Needs libasio-dev where it is included; the library does not. (Asio
/// 1.22 finds coroutines with clang only when ASIO_HAS_CO_AWAIT and ASIO_HAS_STD_COROUTINE are defined.)
///
///     wye::Async in(context.get_executor(), wye::or_throw(wye::ShmReader::open("prices")));
///     wye::Result<wye::MutBytes> got = co_await in.async_recv(buffer, asio::use_awaitable);
///
/// What is ready is done at once, without a system call for the loop; else the endpoint's native_handle() is watched
/// through a descriptor of our own (poll_proxy), so that Asio changes nothing about it. Not for: endpoints that are not
/// Pollable; blocking: a message that is half there is waited for inside recv() as long as its sender needs for the
/// rest of it. One receive and one send at a time. Cancelled (a cancellation slot, the context stopped): Errc::closed
/// with nothing taken or sent. Threads: those of one strand. The object must outlive what it began.
template <Pollable E>
class Async {
public:
    Async(asio::any_io_executor executor, E endpoint)
        : endpoint_(std::move(endpoint)), readable_(executor), writable_(executor) {}

    E& endpoint() noexcept { return endpoint_; }

    /// void(Result<MutBytes>)
    template <class Token>
        requires Receiver<E>
    auto async_recv(MutBytes into, Token&& token) {
        return run<Result<MutBytes>>(
            false, [this, into] { return endpoint_.recv(into, Deadline::now()); }, std::forward<Token>(token));
    }
    /// void(Result<>)
    template <class Token>
        requires Sender<E>
    auto async_send(Bytes bytes, Token&& token) {
        return run<Result<>>(
            true, [this, bytes] { return endpoint_.send(bytes, Deadline::now()); }, std::forward<Token>(token));
    }
    /// void(Result<Lease>): where it lies.
    template <class Token>
        requires Leaser<E>
    auto async_take(Token&& token) {
        return run<Result<Lease>>(
            false, [this] { return endpoint_.take(Deadline::now()); }, std::forward<Token>(token));
    }
    /// void(Result<>): until a recv() may find something.
    template <class Token>
    auto async_wait(Token&& token) {
        return run<Result<>>(
            false,
            [first = true]() mutable -> Result<> {
                if (std::exchange(first, false)) return fail(Errc::timed_out);
                return {};
            },
            std::forward<Token>(token));
    }

private:
    // The attempt, and while it answers timed_out: the wait, and again.
    template <class R, class Attempt>
    struct Operation {
        Async* self;
        bool sends;
        Attempt attempt;
        bool begun = false;

        template <class Self>
        void operator()(Self& op, std::error_code error = {}) {
            if (error) return op.complete(R(fail(Errc::closed, sends ? "send" : "recv")));
            auto done = attempt();
            if (done || !done.error().is(Errc::timed_out)) {
                if (begun) return op.complete(std::move(done));
                // Not from inside the function that begins it: Asio's promise to its users.
                begun = true;
                auto executor = self->readable_.get_executor();
                return asio::post(
                    executor, [op = std::move(op), done = std::move(done)]() mutable { op.complete(std::move(done)); });
            }
            begun = true;
            auto watched = self->watched(sends);
            if (!watched) return op.complete(R(std::unexpected(std::move(watched).error())));
            (*watched)->async_wait(asio::posix::descriptor_base::wait_read, std::move(op));
        }
    };

    template <class R, class Attempt, class Token>
    auto run(bool sends, Attempt attempt, Token&& token) {
        return asio::async_compose<Token, void(R)>(Operation<R, Attempt>{this, sends, std::move(attempt)}, token,
                                                   readable_);
    }

    Result<asio::posix::stream_descriptor*> watched(bool sends) {
        // An endpoint of pages has one descriptor, which is readable when there is room.
        const bool writable = sends && !requires { E::room_is_readable; };
        auto& d = writable ? writable_ : readable_;
        if (d.is_open()) return &d;
        WYE_TRY(auto fd, poll_proxy(endpoint_.native_handle(), writable));
        d.assign(fd.release());
        return &d;
    }

    E endpoint_;
    asio::posix::stream_descriptor readable_, writable_;
};

}  // namespace wye
