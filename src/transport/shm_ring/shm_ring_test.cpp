// The endpoints: who may open what, and what each of them is told.
#include "transport/shm_ring/shm_ring_test.hpp"

#include "wye/registry/open.hpp"

#include "support/together.hpp"

#include <sys/stat.h>

#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

TEST(ShmRing, a_name_a_ring_its_banks_and_bells_can_bear) {
    for (const auto length : {1u, 196u}) {
        NamedRing n;
        n.name = (n.name + std::string(200, 'x')).substr(0, length == 1 ? n.name.size() : length);
        auto w = n.writer();
        auto r = n.reader();
        WYE_ASSERT_OK(w.send(bytes_of(payload(1, 100'000)), Deadline::now()));
        EXPECT_TRUE(receive(r) == payload(1, 100'000));
    }
    const auto r = ShmWriter::open(std::string(197, 'x'));
    WYE_EXPECT_ERRC(Errc::bad_address, r);
    EXPECT_NE(r.error().message().find("196"), std::string::npos) << r.error().message();
}

TEST(ShmRing, a_second_writer_and_a_second_reader_are_told_who_is_there) {
    const NamedRing n;
    const auto us = "pid " + std::to_string(::getpid());
    const auto w = n.writer();
    const auto r = n.reader();
    const auto w2 = ShmWriter::open(n.name);
    WYE_EXPECT_ERRC(Errc::busy, w2);
    EXPECT_NE(w2.error().message().find(us), std::string::npos) << w2.error().message();
    const auto r2 = ShmReader::open(n.name);
    WYE_EXPECT_ERRC(Errc::busy, r2);
    EXPECT_NE(r2.error().message().find(us), std::string::npos) << r2.error().message();
}

TEST(ShmRing, who_closes_says_so_and_the_next_goes_on) {
    const NamedRing n;
    auto r = n.reader();
    for (int round = 0; round < 3; ++round) {
        auto w = n.writer();
        EXPECT_EQ(receive(r), "error: timed_out");
        WYE_ASSERT_OK(w.send(bytes_of("last")));
        WYE_ASSERT_OK(w.close_write());
        WYE_EXPECT_ERRC(Errc::closed, w.send(bytes_of("more")));
        WYE_EXPECT_ERRC(Errc::closed, w.send({}));
        const Bytes none[1] = {};
        WYE_EXPECT_ERRC(Errc::closed, w.send_many(none));
        WYE_EXPECT_ERRC(Errc::closed, w.loan(1));
        EXPECT_EQ(receive(r), "last");
        EXPECT_EQ(receive(r), "error: closed");
        EXPECT_EQ(receive(r), "error: closed");
    }
}

TEST(ShmRing, a_late_reader_reads_what_a_writer_left_and_how_it_went) {
    for (const bool dies : {false, true}) {
        const NamedRing n;
        Child child([&] {
            auto w = n.writer();
            for (std::uint64_t i = 0; i < 100; ++i)
                if (!w.send(bytes_of(payload(i, 3 * i)))) return false;
            if (dies) ::kill(::getpid(), SIGKILL);
            return true;
        });
        EXPECT_EQ(child.ok(), !dies);
        auto r = n.reader();
        for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(receive(r) == payload(i, 3 * i));
        EXPECT_EQ(receive(r, 5s), dies ? "error: peer_died" : "error: closed");
    }
}

TEST(ShmRing, a_full_stream_whose_reader_left_or_died) {
    for (const bool dies : {false, true}) {
        const NamedRing n({.bytes = 2048});
        auto w = n.writer();
        Child child([&] {
            auto r = n.reader();
            if (dies) ::kill(::getpid(), SIGKILL);
            return true;
        });
        EXPECT_EQ(child.ok(), !dies);
        Result<> sent;
        for (int i = 0; i < 100 && sent; ++i) sent = w.send(bytes_of("x"), 5s);
        WYE_EXPECT_ERRC(dies ? Errc::peer_died : Errc::closed, sent);
        auto r = n.reader();  // somebody else comes, and it goes on
        while (receive(r) == "x") {}
        for (int i = 0; i < 100; ++i) {
            WYE_ASSERT_OK(w.send(bytes_of("y"), Deadline::now()));
            EXPECT_EQ(receive(r), "y");
        }
    }
}

TEST(ShmRing, too_large_messages_are_told_and_stay_where_they_are) {
    NamedRing n;
    n.how.max_message = 5000;
    auto w = n.writer();
    auto r = n.reader();
    WYE_EXPECT_ERRC(Errc::too_big, w.send(bytes_of(payload(1, 5001))));
    WYE_EXPECT_ERRC(Errc::too_big, w.loan(5001));
    for (const std::size_t size : {10u, 100u, 5000u}) {
        WYE_ASSERT_OK(w.send(bytes_of(payload(1, size))));
        std::vector<std::byte> small(size - 1);
        for (int i = 0; i < 20; ++i) WYE_EXPECT_ERRC(Errc::too_big, r.recv(small, Deadline::now()));
        EXPECT_TRUE(receive(r) == payload(1, size));
    }
}

TEST(ShmRing, batches) {
    const NamedRing n({.bytes = 4096});
    auto w = n.writer();
    auto r = n.reader();
    std::vector<std::string> texts;
    for (std::uint64_t i = 0; i < 200; ++i) texts.push_back(payload(i, i * 11));
    std::vector<Bytes> all;
    for (const auto& t : texts) all.push_back(bytes_of(t));
    EXPECT_EQ(or_throw(w.send_many({})), 0u);
    EXPECT_EQ(or_throw(r.drain(0, [](Bytes) {})), 0u);
    WYE_EXPECT_ERRC(Errc::timed_out, r.drain(5, [](Bytes) {}, Deadline::now()));
    std::size_t sent = 0, got = 0;
    while (got < all.size()) {
        if (sent < all.size()) {
            const auto now = w.send_many(std::span(all).subspan(sent), Deadline::now());
            if (now) {
                EXPECT_GT(*now, 0u);
                sent += *now;
            } else {
                WYE_EXPECT_ERRC(Errc::timed_out, now);
            }
        }
        const auto at_once =
            or_throw(r.drain(7, [&](Bytes b) { EXPECT_EQ(text_of(b), texts[got++]); }, Deadline::now()));
        EXPECT_LE(at_once, 7u);
    }
}

TEST(ShmRing, a_child_of_fork_is_refused_and_hurts_nobody) {
    const NamedRing n;
    auto w = n.writer();
    auto r = n.reader();
    WYE_ASSERT_OK(w.send(bytes_of("one")));
    Child child([&] {
        WYE_EXPECT_ERRC(Errc::unsupported, w.send(bytes_of("no")));
        WYE_EXPECT_ERRC(Errc::unsupported, w.send({}));
        WYE_EXPECT_ERRC(Errc::unsupported, w.loan(1));
        WYE_EXPECT_ERRC(Errc::unsupported, w.close_write());
        std::byte into[8];
        WYE_EXPECT_ERRC(Errc::unsupported, r.recv(into));
        WYE_EXPECT_ERRC(Errc::unsupported, r.take());
        WYE_EXPECT_ERRC(Errc::unsupported, r.drain(3, [](Bytes) {}));
        { const auto gone = std::move(w); }
        { const auto gone = std::move(r); }
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(receive(r), "one");
    WYE_ASSERT_OK(w.send(bytes_of("two")));
    EXPECT_EQ(receive(r), "two");
    EXPECT_EQ(receive(r), "error: timed_out");
}

TEST(ShmRing, removed_while_somebody_waits) {
    for (const bool spin : {false, true})
        for (const bool writes : {false, true}) {
            NamedRing n({.bytes = 2048});
            n.how.spin = spin;
            Gate waits;
            Child child([&] {
                if (!writes) {
                    auto r = n.reader();
                    waits.open();
                    return receive(r, 20s) == "error: closed";
                }
                auto w = n.writer();
                while (w.send(bytes_of("x"), Deadline::now())) {}
                waits.open();
                const auto sent = w.send(bytes_of("x"), 20s);
                return !sent && sent.error().is(Errc::closed);
            });
            waits.wait();
            std::this_thread::sleep_for(20ms);
            WYE_ASSERT_OK(n.remove());
            EXPECT_TRUE(child.ok(10s)) << "spin " << spin << " writes " << writes;
            WYE_EXPECT_ERRC(Errc::not_found, n.remove());
        }
}

TEST(ShmRing, nothing_lies_beside_a_ring_that_was_removed_meanwhile) {
    const NamedRing n;
    auto w = n.writer();
    WYE_ASSERT_OK(n.remove());
    WYE_EXPECT_ERRC(Errc::closed, w.send(bytes_of(payload(1, 100'000)), Deadline::now()));
    EXPECT_TRUE(or_throw(SharedSegment::all_beside("loan", n.name)).empty());
}

TEST(ShmRing, the_first_message_waits_for_so_many_readers_however_short_it_is) {
    NamedRing n({.shape = Shape::broadcast});
    n.how.readers = 2;
    auto w = n.writer();
    WYE_EXPECT_ERRC(Errc::timed_out, w.send({}, Deadline::now()));
    auto a = n.reader();
    WYE_EXPECT_ERRC(Errc::timed_out, w.send(bytes_of("x"), Deadline::now()));
    auto b = n.reader(Policy::drop);
    WYE_ASSERT_OK(w.send(bytes_of("x"), Deadline::now()));
    EXPECT_EQ(receive(a), "x");
    EXPECT_EQ(receive(b), "x");
    n.how.readers = 1000;
    w.close_write().value();
    WYE_EXPECT_ERRC(Errc::unsupported, ShmWriter::open(n.name, n.how));  // there will never be so many
}

TEST(ShmRing, spinning_sleeps_never_and_gives_up_in_time) {
    NamedRing n;
    n.how.spin = true;
    auto r = n.reader();
    const auto before = cpu_time();
    EXPECT_EQ(receive(r, 50ms), "error: timed_out");
    EXPECT_GT(cpu_time() - before, 1ms);
}

TEST(ShmRing, parameters_that_cannot_be_are_refused_by_name) {
    const NamedRing n;
    const std::pair<const char*, const char*> wrong[] = {
        {"?shape=ring", "shape"},
        {"?policy=drop", "policy"},
        {"?order=strict", "order"},
        {"?bytes=1000", "bytes"},
        {"?bytes=x", "bytes"},
        {"?bytes=4G", "bytes"},
        {"?participants=1", "participants"},
        {"?participants=5000", "participants"},
        {"?shape=queue&lanes=0", "lanes"},
        {"?shape=queue&lanes=65", "lanes"},
        {"?shape=queue&deliveries=256", "deliveries"},
        {"?patience=x", "patience"},
        {"?spin=2", "spin"},
        {"?readers=1", "readers"},
        {"?history=1", "history"},
        {"?patience=1", "patience"},
        {"?lanes=2", "lanes"},
        {"?deliveries=2", "deliveries"},
        {"?shape=queue&readers=1", "readers"},
        {"?colour=red", "colour"},
    };
    for (const auto& [parameters, part] : wrong) {
        const auto c = open("shm:" + n.name + parameters, {.mode = Mode::read, .create = Create::if_missing});
        ASSERT_FALSE(c.has_value()) << parameters;
        EXPECT_NE(c.error().message().find(part), std::string::npos) << parameters << ": " << c.error().message();
        EXPECT_NE(::access(n.path().c_str(), F_OK), 0) << parameters;
    }
    for (const auto name : {"", "a/b", "../x", "a b"}) EXPECT_FALSE(ShmWriter::open(name).has_value()) << name;
    WYE_EXPECT_ERRC(Errc::unsupported, open("shm:" + n.name, {.mode = Mode::both, .create = Create::if_missing}));
}

TEST(ShmRing, a_queue_is_no_stream_and_a_stream_no_queue) {
    const NamedRing queue({.shape = Shape::queue}), stream;
    const auto p = queue.producer();
    const auto w = stream.writer();
    WYE_EXPECT_ERRC(Errc::mismatch, ShmReader::open(queue.name));
    WYE_EXPECT_ERRC(Errc::mismatch, ShmWriter::open(queue.name));
    WYE_EXPECT_ERRC(Errc::mismatch, ShmWorker::open(stream.name));
    WYE_EXPECT_ERRC(Errc::mismatch, ShmProducer::open(stream.name));
}

TEST(ShmRing, another_version_word_size_shape_or_size_is_refused) {
    for (const auto shape : {Shape::stream, Shape::broadcast, Shape::queue}) {
        const NamedRing n({.shape = shape});
        const auto made = or_throw(shm::Pages::open(n.name, n.how.made, Create::if_missing));
        auto& g = made.header->geometry;
        const auto good = g;
        const auto refused = [&](auto& field, auto value) {
            field = value;
            WYE_EXPECT_ERRC(Errc::mismatch, shm::Pages::open(n.name, {}, Create::never));
            g = good;
        };
        refused(g.version, ring::layout_version + 1);
        refused(g.word_bytes, g.word_bytes ^ 0xc00);  // 4 bytes for 8
        refused(g.word_bytes, g.word_bytes ^ 3);      // the other end first
        for (const auto s : {0u, 4u, ~0u}) refused(g.shape, static_cast<Shape>(s));
        refused(g.shape, shape == Shape::queue ? Shape::stream : Shape::queue);
        for (const auto v : {0u, 1u, 16u, 33u, ~0u, g.granules * 2, g.granules / 2}) refused(g.granules, v);
        for (const auto v : {0u, 1u, ~0u, g.participants + 1}) refused(g.participants, v);
        for (const auto v : {0u, 65u, ~0u, g.lanes + 1}) refused(g.lanes, v);
        for (const auto v : {~0u, g.cells + 1}) refused(g.cells, v);
        WYE_ASSERT_OK(shm::Pages::open(n.name, {}, Create::never));
    }
}

TEST(ShmRing, another_versions_ring_can_be_removed) {
    const NamedRing n;
    auto made = or_throw(shm::Pages::open(n.name, {}, Create::exclusive));
    const auto layout = reinterpret_cast<std::uint32_t*>(made.segment.content() - SharedSegment::head + 8);
    ASSERT_EQ(*layout, ring::layout_version);
    *layout = ring::layout_version + 1;
    WYE_EXPECT_ERRC(Errc::mismatch, ShmWriter::open(n.name));
    WYE_ASSERT_OK(wye::remove("shm:" + n.name));
    WYE_ASSERT_OK(ShmWriter::open(n.name));
}

// Two who remove, and one who makes it anew in between: the new one stays.
TEST(ShmRing, who_removes_it_late_takes_away_no_other) {
    const NamedRing n;
    WYE_ASSERT_OK(shm::Pages::open(n.name, {}, Create::exclusive));
    const auto late = SharedSegment::remove(n.name, shm::Pages::any(), {}, [&](SharedSegment&) -> Result<> {
        WYE_CHECK(wye::remove("shm:" + n.name));
        WYE_CHECK(shm::Pages::open(n.name, {}, Create::exclusive));
        return {};
    });
    WYE_ASSERT_OK(late);
    WYE_ASSERT_OK(shm::Pages::open(n.name, {}, Create::never));
}

TEST(ShmRing, another_user_is_denied) {
    if (::geteuid() != 0) GTEST_SKIP() << "takes root, to become somebody else";
    const NamedRing n;
    const auto w = n.writer();
    Child child([&] {
        const auto file = n.path();
        if (::setresuid(4711, 4711, 4711) != 0) return false;
        WYE_EXPECT_ERRC(Errc::not_found, ShmReader::open(n.name, {.create = Create::never}));  // a directory of its own
        EXPECT_LT(::open(file.c_str(), O_RDONLY), 0);
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
    // A directory that somebody else made for us.
    const std::string theirs = "/dev/shm/wye-4711";
    if (::mkdir(theirs.c_str(), 0777) != 0) GTEST_SKIP() << theirs << " is there already";
    Child trapped([&] {
        if (::setresuid(4711, 4711, 4711) != 0) return false;
        WYE_EXPECT_ERRC(Errc::denied, ShmReader::open(n.name));
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(trapped.ok());
    ::rmdir(theirs.c_str());
}

TEST(ShmRing, all_places_taken_is_told) {
    const NamedRing n({.participants = 2});
    const auto w = n.writer();
    const auto r = n.reader();
    WYE_EXPECT_ERRC(Errc::exhausted, ShmReader::open(n.name));
}

}  // namespace
