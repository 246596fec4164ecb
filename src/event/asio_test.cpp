#ifdef WYE_ASIO
#ifdef __clang__  // Asio 1.22 knows coroutines of GCC and of older clangs only
#define ASIO_HAS_CO_AWAIT 1
#define ASIO_HAS_STD_COROUTINE 1
#endif
#include "wye/asio.hpp"

#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"
#include "wye/transport/socketpair.hpp"

#include "support/support.hpp"

#include <asio/bind_cancellation_slot.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <unistd.h>

#include <optional>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

struct Ring {
    std::string name = unique_name("asio");
    ~Ring() { (void)remove("shm:" + name); }
};

// As many as the means holds several times over, so that both sides wait.
constexpr unsigned many = 20'000;

template <class E>
asio::awaitable<bool> receive_all(Async<E>& in) {
    std::byte place[64];
    for (unsigned i = 0; i < many; ++i) {
        auto got = co_await in.async_recv(place, asio::use_awaitable);
        if (!got || text_of(*got) != std::to_string(i)) co_return false;
    }
    co_return true;
}
template <class E>
asio::awaitable<bool> send_all(Async<E>& out) {
    for (unsigned i = 0; i < many; ++i) {
        const auto text = std::to_string(i);
        auto sent = co_await out.async_send(bytes_of(text), asio::use_awaitable);
        if (!sent) co_return false;
    }
    co_return true;
}

template <class In, class Out>
void carries(In in_end, Out out_end) {
    asio::io_context context;
    Async in(context.get_executor(), std::move(in_end));
    Async out(context.get_executor(), std::move(out_end));
    auto got = asio::co_spawn(context, receive_all(in), asio::use_future);
    auto sent = asio::co_spawn(context, send_all(out), asio::use_future);
    context.run_for(30s);
    ASSERT_EQ(got.wait_for(0s), std::future_status::ready);
    EXPECT_TRUE(got.get());
    EXPECT_TRUE(sent.get());
}

TEST(Asio, coroutines_over_a_ring_whose_both_ends_wait) {
    const Ring ring;
    auto reader = or_throw(ShmReader::open(ring.name));
    carries(std::move(reader), or_throw(ShmWriter::open(ring.name)));
}

TEST(Asio, coroutines_over_a_socket) {
    auto both = or_throw(make_socketpair());
    carries(std::move(both.first), std::move(both.second));
}

TEST(Asio, a_callback_is_never_called_from_inside_the_call_that_begins_it) {
    const Ring ring;
    asio::io_context context;
    auto reader = or_throw(ShmReader::open(ring.name));
    auto writer = or_throw(ShmWriter::open(ring.name));
    WYE_ASSERT_OK(writer.send(bytes_of("there already")));
    Async in(context.get_executor(), std::move(reader));
    std::byte place[64];
    std::optional<std::string> got;
    in.async_recv(place, [&](Result<MutBytes> r) { got = r ? std::string(text_of(*r)) : r.error().message(); });
    EXPECT_FALSE(got);
    context.run_for(10s);
    EXPECT_EQ(got, "there already");
}

TEST(Asio, a_lease_is_taken_where_it_lies) {
    const Ring ring;
    asio::io_context context;
    auto reader = or_throw(ShmReader::open(ring.name));
    auto writer = or_throw(ShmWriter::open(ring.name));
    Async in(context.get_executor(), std::move(reader));
    std::optional<Lease> lease;
    in.async_take([&](Result<Lease> r) {
        if (r) lease = std::move(*r);
    });
    context.run_for(50ms);
    EXPECT_FALSE(lease);
    WYE_ASSERT_OK(writer.send(bytes_of("later")));
    context.restart();
    context.run_for(10s);
    ASSERT_TRUE(lease);
    EXPECT_EQ(text_of(lease->bytes()), "later");
}

TEST(Asio, the_death_of_a_writer_is_an_event) {
    const Ring ring;
    asio::io_context context;
    Async in(context.get_executor(), or_throw(ShmReader::open(ring.name)));
    Child child([&] {
        auto writer = or_throw(ShmWriter::open(ring.name));
        if (!writer.send(bytes_of("here"))) return false;
        ::pause();
        return true;
    });
    std::byte place[64];
    WYE_ASSERT_OK(in.endpoint().recv(place, 10s));
    std::optional<Errc> outcome;
    in.async_recv(place, [&](Result<MutBytes> r) { outcome = r ? Errc::unknown : r.error().kind(); });
    context.run_for(50ms);
    EXPECT_FALSE(outcome);
    child.kill();
    context.restart();
    context.run_for(10s);
    EXPECT_EQ(outcome, Errc::peer_died);
}

TEST(Asio, what_is_cancelled_is_closed_and_nothing_is_taken) {
    const Ring ring;
    asio::io_context context;
    auto reader = or_throw(ShmReader::open(ring.name));
    auto writer = or_throw(ShmWriter::open(ring.name));
    Async in(context.get_executor(), std::move(reader));
    std::byte place[64];
    std::optional<Errc> outcome;
    asio::cancellation_signal cancel;
    in.async_recv(place, asio::bind_cancellation_slot(cancel.slot(), [&](Result<MutBytes> r) {
                      outcome = r ? Errc::unknown : r.error().kind();
                  }));
    context.run_for(50ms);
    cancel.emit(asio::cancellation_type::all);
    context.restart();
    context.run_for(10s);
    EXPECT_EQ(outcome, Errc::closed);
    WYE_ASSERT_OK(writer.send(bytes_of("kept")));
    auto got = in.endpoint().recv(place, Deadline::now());
    WYE_ASSERT_OK(got);
    EXPECT_EQ(text_of(*got), "kept");
}

}  // namespace
#endif
