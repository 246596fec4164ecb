#ifdef WYE_ASIO
#ifdef __clang__  // Asio 1.22 knows coroutines of GCC and of older clangs only
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif
#include "wye/pattern/asio.hpp"

#include "wye/registry/open.hpp"

#include "support/support.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>

namespace {

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

struct Channel {
    std::string uri = "shm:" + unique_name("asio-p");
    ~Channel() { (void)remove(uri); }
};

constexpr int many = 3000;

bool all_true(asio::io_context& context, std::vector<std::future<bool>> results) {
    context.run_for(30s);
    for (auto& r : results)
        if (r.wait_for(0s) != std::future_status::ready || !r.get()) return false;
    return true;
}

TEST(AsyncPattern, publishes_and_subscribes) {
    const Channel c;
    asio::io_context context;
    AsyncPattern in(context.get_executor(), or_throw(Subscriber<int>::open(c.uri, {.slow = Slow::block})));
    AsyncPattern out(context.get_executor(), or_throw(Publisher<int>::open(c.uri)));
    const auto hear = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < many; ++i) {
            auto got = co_await in.async_next(asio::use_awaitable);
            if (!got || **got != i || got->topic() != "a.b") co_return false;
        }
        co_return true;
    };
    const auto tell = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < many; ++i) {
            auto sent = co_await out.async_publish(i, "a.b", asio::use_awaitable);
            if (!sent) co_return false;
        }
        co_return true;
    };
    std::vector<std::future<bool>> all;
    all.push_back(asio::co_spawn(context, hear(), asio::use_future));
    all.push_back(asio::co_spawn(context, tell(), asio::use_future));
    EXPECT_TRUE(all_true(context, std::move(all)));
}

TEST(AsyncPattern, puts_and_takes) {
    const Channel c;
    asio::io_context context;
    AsyncPattern in(context.get_executor(), or_throw(Worker<int>::open(c.uri)));
    AsyncPattern out(context.get_executor(), or_throw(Producer<int>::open(c.uri)));
    const auto work = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < many; ++i) {
            auto job = co_await in.async_take(asio::use_awaitable);
            if (!job || **job != i || !std::move(*job).done()) co_return false;
        }
        co_return true;
    };
    const auto fill = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < many; ++i) {
            auto put = co_await out.async_put(i, asio::use_awaitable);
            if (!put) co_return false;
        }
        co_return true;
    };
    std::vector<std::future<bool>> all;
    all.push_back(asio::co_spawn(context, work(), asio::use_future));
    all.push_back(asio::co_spawn(context, fill(), asio::use_future));
    EXPECT_TRUE(all_true(context, std::move(all)));
}

TEST(AsyncPattern, calls_and_serves_and_gives_up_at_the_deadline) {
    const Channel c;
    asio::io_context context;
    AsyncPattern server(context.get_executor(), or_throw(Server<int, int>::open(c.uri)));
    AsyncPattern client(context.get_executor(), or_throw(Client<int, int>::open(c.uri)));
    const auto serve = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < 100; ++i) {
            auto r = co_await server.async_serve_one([](int x) { return x * x; }, asio::use_awaitable);
            if (!r) co_return false;
        }
        co_return true;
    };
    const auto ask = [&]() -> asio::awaitable<bool> {
        for (int i = 0; i < 100; ++i) {
            auto got = co_await client.async_call(i, Deadline(10s), asio::use_awaitable);
            if (!got || *got != i * i) co_return false;
        }
        auto late = co_await client.async_call(1, Deadline(50ms), asio::use_awaitable);  // nobody serves any more
        co_return !late && late.error().is(Errc::timed_out);
    };
    std::vector<std::future<bool>> all;
    all.push_back(asio::co_spawn(context, serve(), asio::use_future));
    all.push_back(asio::co_spawn(context, ask(), asio::use_future));
    EXPECT_TRUE(all_true(context, std::move(all)));
}

TEST(AsyncPattern, a_callback_is_a_token_too) {
    const Channel c;
    asio::io_context context;
    AsyncPattern in(context.get_executor(), or_throw(Worker<int>::open(c.uri)));
    auto out = or_throw(Producer<int>::open(c.uri));
    WYE_ASSERT_OK(out.put(7));
    int got = 0;
    in.async_take([&](Result<TakenJob<int>> job) {
        ASSERT_TRUE(job.has_value());
        got = **job;
        (void)std::move(*job).done();
    });
    context.run_for(5s);
    EXPECT_EQ(got, 7);
}

}  // namespace
#endif
