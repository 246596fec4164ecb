// A publisher and its subscribers, all of good will.
#include "transport/shm_ring/publisher_test.hpp"

#include "os/syscall.hpp"

#include <filesystem>
#include <fstream>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

bool waits_for_admission(const ShmPublisher& p, Deadline d) {
    pollfd one{.fd = p.native_handle(), .events = POLLIN, .revents = 0};
    while (!d.passed())
        if (::poll(&one, 1, 10) == 1) return true;
    return false;
}

bool is_readable(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&one, 1, 0) == 1;
}

TEST(ShmPublisher, its_subscribers_read_everything_whole_and_then_the_end) {
    const Meeting m;
    std::optional pub(m.publisher());
    std::vector<Child> all;
    for (int i = 0; i < 3; ++i)
        all.emplace_back([&] {
            auto s = m.subscribe();
            std::uint64_t n = 0;
            return s && read_all(*s, n) == Errc::closed && n == 3000 && s->lost() == 0;
        });
    admit(*pub, 3);
    WYE_ASSERT_OK(send_numbers(*pub, 0, 3000));
    pub.reset();
    for (auto& c : all) EXPECT_TRUE(c.ok());
    EXPECT_FALSE(std::filesystem::exists(m.path));
}

TEST(ShmPublisher, whoever_is_too_slow_loses_the_oldest_and_is_told_how_many) {
    const Meeting m({.bytes = 2048});
    auto pub = m.publisher();
    auto s = m.subscriber(pub);
    std::uint64_t count = 0, sent = 0;
    for (int round = 0; round < 200; ++round) {
        WYE_ASSERT_OK(send_numbers(pub, sent, sent + static_cast<std::uint64_t>(round)));
        sent += static_cast<std::uint64_t>(round);
        ASSERT_EQ(read_all(s, count, Deadline::now()), Errc::timed_out) << round;
        ASSERT_EQ(count + s.lost(), sent) << round;
    }
    EXPECT_GT(s.lost(), 1000u);
    EXPECT_GT(count, 200u);
}

TEST(ShmPublisher, what_is_written_over_while_it_is_read_is_never_given_out) {
    const Meeting m({.bytes = 4096});
    auto pub = m.publisher();
    auto s = m.subscriber(pub);
    std::vector<std::string> all;
    for (std::uint64_t i = 0; i < 256; ++i) all.push_back(payload(i, pub.max_message() - i % 7));
    constexpr std::uint64_t sent = 100000;
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < sent; ++i) (void)pub.send(bytes_of(all[i % 256]));
    });
    std::uint64_t count = 0, torn = 0;
    while (count + s.lost() < sent) {
        const auto got = s.recv_view(5s);
        if (!got) break;
        torn += text_of(*got) != all[(count + s.lost()) % 256];
        if (++count % 1000 == 0) std::this_thread::sleep_for(1ms);  // and the writer is ahead again
    }
    writer.join();
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(count + s.lost(), sent);
    EXPECT_GT(count, 100u);
    EXPECT_GT(s.lost(), 100u) << "it was never overrun: this proves nothing";
}

TEST(ShmPublisher, while_nobody_sleeps_a_message_takes_no_system_call) {
    const Meeting m;
    auto pub = m.publisher();
    auto one = m.subscriber(pub), other = m.subscriber(pub);
    const auto before = sys::count();
    WYE_ASSERT_OK(send_numbers(pub, 0, 200));
    EXPECT_EQ(sys::count(), before);
    std::uint64_t n = 0;
    std::byte room[512];
    for (; n < 200; ++n) WYE_ASSERT_OK(one.recv(room));
    EXPECT_EQ(sys::count(), before);
    // Round the lane several times: a look is two.
    WYE_ASSERT_OK(send_numbers(pub, 200, 20200));
    EXPECT_LE(sys::count() - before, 80u);
    EXPECT_GE(sys::count() - before, 4u);
}

TEST(ShmPublisher, whoever_sleeps_is_woken_by_each_message_and_burns_nothing) {
    const Meeting m;
    auto pub = m.publisher();
    Child c([&] {
        auto s = m.subscribe();
        std::byte room[512];
        if (!s) return false;
        const auto begin = cpu_time();
        const Deadline late = 4s;  // all of it takes 0.2 s
        for (int i = 0; i < 20; ++i)
            if (!s->recv(room, 5s)) return false;
        return !late.passed() && cpu_time() - begin < (under_asan ? 60ms : 20ms);
    });
    ASSERT_EQ(pub.admit(5s).value_or(0), 1u);
    for (std::uint64_t i = 0; i < 20; ++i) {
        std::this_thread::sleep_for(10ms);
        const auto before = sys::count();
        WYE_ASSERT_OK(send_numbers(pub, i, i + 1));
        EXPECT_LE(sys::count() - before, 1u);
    }
    EXPECT_TRUE(c.ok());
}

TEST(ShmPublisher, killed_it_is_peer_died_and_at_once_after_what_it_wrote) {
    std::chrono::nanoseconds soonest = 1h;  // of five: others may have the processor
    for (int round = 0; round < 5; ++round) {
        const Meeting m;
        Child c([&] {
            auto pub = m.publisher();
            admit(pub, 1);
            if (!send_numbers(pub, 0, 100)) return false;
            for (;;) ::pause();
        });
        Result<ShmSubscriber> s = m.subscribe();
        for (int i = 0; i < 500 && !s; ++i, std::this_thread::sleep_for(10ms)) s = m.subscribe();
        WYE_ASSERT_OK(s);
        std::byte room[512];
        for (std::uint64_t i = 0; i < 50; ++i)
            ASSERT_EQ(text_of(or_throw(s->recv(room, 5s))), payload(i, length_of(i)));
        std::chrono::steady_clock::time_point killed;
        auto killer = std::async(std::launch::async, [&] {
            std::this_thread::sleep_for(50ms);
            c.kill();
            killed = std::chrono::steady_clock::now();
        });
        std::uint64_t n = 50;
        EXPECT_EQ(name(read_all(*s, n)), name(Errc::peer_died));
        const auto noticed = std::chrono::steady_clock::now();
        killer.get();
        EXPECT_EQ(n, 100u);
        soonest = std::min(soonest, noticed - killed);
        EXPECT_EQ(name(read_all(*s, n)), name(Errc::peer_died)) << "and so it stays";
        // What the dead one left is taken over.
        WYE_EXPECT_ERRC(Errc::not_found, m.subscribe());
        EXPECT_TRUE(std::filesystem::exists(m.path));
        WYE_ASSERT_OK(ShmPublisher::open(m.path));
        EXPECT_FALSE(std::filesystem::exists(m.path));
    }
    EXPECT_LT(soonest, under_asan || under_tsan ? 100ms : 10ms);
}

TEST(ShmPublisher, a_stopped_subscriber_holds_nobody_up) {
    const Meeting m({.bytes = 4096});
    auto pub = m.publisher();
    Child c([&] {
        auto s = m.subscribe();
        std::uint64_t n = 0;
        return s && read_all(*s, n) == Errc::closed && s->lost() > 0 && n + s->lost() == 50000;
    });
    ASSERT_EQ(pub.admit(5s).value_or(0), 1u);
    std::this_thread::sleep_for(30ms);  // it sleeps, and has said so
    c.signal(SIGSTOP);
    const auto before = sys::count();
    WYE_ASSERT_OK(send_numbers(pub, 0, 50000));
    // One wake, and the looks.
    EXPECT_LE(sys::count() - before, 1 + 2 * 50000 * 6 / 1024u);
    c.signal(SIGCONT);
    std::this_thread::sleep_for(30ms);
    { const auto gone = std::move(pub); }
    EXPECT_TRUE(c.ok());
}

TEST(ShmPublisher, there_are_so_many_places_and_who_leaves_frees_his) {
    const Meeting m({.most_subscribers = 2});
    auto pub = m.publisher();
    auto one = m.subscriber(pub);
    std::optional other(m.subscriber(pub));
    WYE_EXPECT_ERRC(Errc::exhausted, m.meet(pub));
    EXPECT_EQ(pub.subscribers(), 2u);
    other.reset();
    auto third = m.subscriber(pub);
    EXPECT_EQ(pub.subscribers(), 2u);
    WYE_ASSERT_OK(send_numbers(pub, 0, 1));
    std::byte room[8];
    EXPECT_EQ(pub.admit(20ms).value_or(9), 0u);
    WYE_ASSERT_OK(one.recv(room, Deadline::now()));
    WYE_ASSERT_OK(third.recv(room, Deadline::now()));
}

TEST(ShmPublisher, send_alone_lets_in_and_forgets_too) {
    const Meeting m({.bytes = 8192});
    auto pub = m.publisher();
    Child c([&] { return m.subscribe().has_value(); });
    ASSERT_TRUE(waits_for_admission(pub, 5s));
    for (std::uint64_t i = 0; i < 1100 && pub.subscribers() == 0; ++i)
        WYE_ASSERT_OK(pub.send(bytes_of(std::string_view("x"))));
    EXPECT_EQ(pub.subscribers(), 1u);
    EXPECT_TRUE(c.ok());
    for (std::uint64_t i = 0; i < 1100 && pub.subscribers() == 1; ++i)
        WYE_ASSERT_OK(pub.send(bytes_of(std::string_view("x"))));
    EXPECT_EQ(pub.subscribers(), 0u);
}

TEST(ShmPublisher, a_late_one_begins_behind_what_was_sent_or_so_many_before) {
    const Meeting m;
    auto pub = m.publisher();
    WYE_ASSERT_OK(send_numbers(pub, 0, 100));
    auto late = m.subscriber(pub), curious = m.subscriber(pub, {.history = 10});
    EXPECT_EQ(name(late.recv_view(Deadline::now()).error().kind()), name(Errc::timed_out));
    std::size_t n = 0;
    const auto seen =
        curious.drain(100, [&](Bytes b) { n += text_of(b) == payload(90 + n, length_of(90 + n)); }, Deadline::now());
    EXPECT_EQ(seen.value_or(0), 10u);
    EXPECT_EQ(n, 10u);
}

TEST(ShmPublisher, a_subscriber_can_be_polled) {
    const Meeting m;
    std::optional pub(m.publisher());
    auto s = m.subscriber(*pub);
    const int fd = s.native_handle();
    for (std::uint64_t i = 0; i < 5; ++i) {
        while (s.recv_view(Deadline::now())) {}
        EXPECT_FALSE(is_readable(fd)) << i;
        WYE_ASSERT_OK(send_numbers(*pub, i, i + 1));
        EXPECT_TRUE(is_readable(fd)) << i;
        EXPECT_EQ(or_throw(s.recv_view(Deadline::now())).size(), length_of(i));
    }
    WYE_EXPECT_ERRC(Errc::timed_out, s.recv_view(Deadline::now()));
    pub.reset();
    EXPECT_TRUE(is_readable(fd));
    WYE_EXPECT_ERRC(Errc::closed, s.recv_view(Deadline::now()));
}

TEST(ShmPublisher, the_path_is_one_publishers_and_no_other_files) {
    const Meeting m;
    auto pub = m.publisher();
    WYE_EXPECT_ERRC(Errc::busy, ShmPublisher::open(m.path));
    EXPECT_EQ(pub.admit().value_or(9), 0u) << "the question left nothing";
    std::ofstream(m.dir / "file") << "here";
    WYE_EXPECT_ERRC(Errc::mismatch, ShmPublisher::open(m.dir / "file"));
    EXPECT_TRUE(std::filesystem::exists(m.dir / "file"));
}

TEST(ShmPublisher, what_it_cannot_do_it_says) {
    const Meeting m;
    WYE_EXPECT_ERRC(Errc::unsupported, ShmPublisher::open(m.path, {.bytes = 3000}));
    WYE_EXPECT_ERRC(Errc::unsupported, ShmPublisher::open(m.path, {.max_message = 1 << 20}));
    WYE_EXPECT_ERRC(Errc::unsupported, ShmPublisher::open("@abstract"));
    WYE_EXPECT_ERRC(Errc::not_found, ShmPublisher::open(m.path, {.group = "no such group, I hope"}));
    WYE_EXPECT_ERRC(Errc::not_found, m.subscribe());
    EXPECT_FALSE(std::filesystem::exists(m.path));
    auto pub = m.publisher();
    const std::string most(pub.max_message(), 'm');
    WYE_EXPECT_ERRC(Errc::timed_out, ShmSubscriber::open(m.path, {}, 20ms));
    auto s = m.subscriber(pub);
    WYE_EXPECT_ERRC(Errc::too_big, pub.send(bytes_of(most + "m")));
    WYE_ASSERT_OK(pub.send(bytes_of(most)));
    std::vector<std::byte> room(most.size());
    WYE_EXPECT_ERRC(Errc::too_big, s.recv(std::span(room).first(room.size() - 1), Deadline::now()));
    EXPECT_EQ(text_of(or_throw(s.recv(room, Deadline::now()))), most);
    EXPECT_EQ(s.max_message(), most.size());
    const Bytes two[] = {bytes_of(most), bytes_of(std::string_view("b"))};
    EXPECT_EQ(pub.send_many(two).value_or(0), 2u);
    WYE_EXPECT_ERRC(Errc::denied, m.meet(pub, {.publisher = ::geteuid() + 1}));
    WYE_EXPECT_ERRC(Errc::mismatch, m.meet(pub, {.most_bytes = 1 << 19}));
    WYE_ASSERT_OK(m.meet(pub, {.publisher = ::geteuid()}));
}

TEST(ShmPublisher, costs_two_descriptors_and_one_for_each_subscriber_and_gives_all_of_them_back) {
    const Meeting m;
    const auto before = open_descriptors().size();
    const auto inherited = inheritable_descriptors();
    {
        auto pub = m.publisher();
        EXPECT_EQ(open_descriptors().size(), before + 3);  // and the path's directory
        auto one = m.subscriber(pub);
        EXPECT_EQ(open_descriptors().size(), before + 5);
        { auto other = m.subscriber(pub); }
        (void)pub.admit();
        EXPECT_EQ(open_descriptors().size(), before + 5);
        EXPECT_EQ(inheritable_descriptors(), inherited);
    }
    EXPECT_EQ(open_descriptors().size(), before);
}

TEST(ShmPublisher, a_forked_child_has_neither_end_and_keeps_neither_alive) {
    const Meeting m;
    std::optional pub(m.publisher());
    std::optional s(m.subscriber(*pub)), other(m.subscriber(*pub));
    Child c([&] {
        const bool refused = pub->send({}).error().is(Errc::unsupported) &&
                             pub->admit().error().is(Errc::unsupported) &&
                             s->recv_view(Deadline::now()).error().is(Errc::unsupported);
        { const auto dropped = std::move(*pub); }
        pub.reset(), s.reset();
        return refused && std::filesystem::exists(m.path);
    });
    EXPECT_TRUE(c.ok());
    WYE_ASSERT_OK(pub->send({}));
    WYE_ASSERT_OK(s->recv_view(Deadline::now()));
    Child lingers([] {
        for (;;) ::pause();
        return true;
    });
    other.reset();
    for (int i = 0; i < 500 && pub->subscribers() == 2; ++i) (void)pub->admit(10ms);  // until the child has begun
    EXPECT_EQ(pub->subscribers(), 1u);
    pub.reset();
    WYE_EXPECT_ERRC(Errc::closed, s->recv_view(1s));
}

}  // namespace
