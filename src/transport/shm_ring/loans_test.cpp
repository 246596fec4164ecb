// Messages that lie in pages of their own, and messages that are looked at where they lie.
#include "transport/shm_ring/shm_ring_test.hpp"

#include <cstring>
#include <optional>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

Result<> lend(ShmWriter& w, const std::string& s, Deadline d = Deadline::now()) {
    auto l = w.loan(s.size(), d);
    if (!l) return std::unexpected(std::move(l).error());
    std::memcpy(l->bytes().data(), s.data(), s.size());
    return std::move(*l).commit();
}

std::string text_at(const Lease& l) { return std::string(text_of(l.bytes())); }

TEST(ShmLoan, every_size_class_comes_whole) {
    const NamedRing n;
    auto w = n.writer();
    auto r = n.reader();
    std::uint64_t k = 0;
    for (std::size_t size = 1; size < (std::size_t{4} << 20); size = size * 3 / 2 + 1) {
        for (const auto s : {size - 1, size, size + 1}) {
            WYE_ASSERT_OK(lend(w, payload(++k, s)));
            ASSERT_TRUE(receive(r) == payload(k, s)) << s;
            WYE_ASSERT_OK(w.send(bytes_of(payload(++k, s)), Deadline::now()));
            ASSERT_TRUE(receive(r) == payload(k, s)) << s;
        }
    }
}

TEST(ShmLoan, dropped_it_is_never_seen_and_its_place_is_used_again) {
    const NamedRing n;
    auto w = n.writer();
    auto r = n.reader();
    const std::byte* first = nullptr;
    for (int i = 0; i < 1000; ++i) {
        const auto l = or_throw(w.loan(5000, Deadline::now()));
        auto same = or_throw(w.loan(1, Deadline::now()));
        if (i == 0) first = same.bytes().data();
        EXPECT_EQ(same.bytes().data(), first);
    }
    EXPECT_EQ(receive(r), "error: timed_out");
    WYE_ASSERT_OK(lend(w, "x"));
    EXPECT_EQ(receive(r), "x");
}

TEST(ShmLoan, a_reader_keeps_eight_and_is_told_of_the_ninth) {
    const NamedRing n;
    auto w = n.writer();
    auto r = n.reader();
    for (std::uint64_t i = 0; i < 10; ++i) WYE_ASSERT_OK(lend(w, payload(i, 6000)));
    std::vector<std::pair<std::uint64_t, Lease>> kept;
    for (std::uint64_t i = 0; i < 8; ++i) kept.emplace_back(i, or_throw(r.take(Deadline::now())));
    WYE_EXPECT_ERRC(Errc::exhausted, r.take(Deadline::now()));
    EXPECT_EQ(receive(r), "error: exhausted");
    for (std::uint64_t i = 10; i < 300; ++i) {
        kept.erase(kept.begin() + static_cast<std::ptrdiff_t>(i * 5 % 8));
        kept.emplace_back(i - 2, or_throw(r.take(Deadline::now())));
        WYE_ASSERT_OK(lend(w, payload(i, 6000)));
        for (const auto& [number, l] : kept) ASSERT_TRUE(text_at(l) == payload(number, 6000)) << "after " << i;
    }
}

TEST(ShmLoan, is_used_again_also_behind_messages_that_are_copied) {
    NamedRing n;
    n.how.most_lent = 1 << 20;
    auto w = n.writer();
    auto r = n.reader();
    for (std::uint64_t i = 0; i < 500; ++i) {
        WYE_ASSERT_OK(lend(w, payload(i, 100'000)));
        for (int k = 0; k < 40; ++k) WYE_ASSERT_OK(w.send(bytes_of("between"), Deadline::now()));
        ASSERT_TRUE(receive(r) == payload(i, 100'000));
        for (int k = 0; k < 40; ++k) ASSERT_EQ(receive(r), "between");
    }
}

TEST(ShmLoan, the_next_writer_spares_what_the_reader_has_still_to_read) {
    // Each message fills a granule; the oldest checkpoint is nearer than the reader.
    for (const std::uint64_t start : {0ull, 5ull, ~0ull - 7}) {
        NamedRing n({.bytes = 2048, .start = start});
        auto r = n.reader();
        std::uint64_t sent = 0;
        {
            auto w = n.writer();
            while (w.send(bytes_of(payload(sent, 3000)), Deadline::now())) ++sent;
            ASSERT_GT(sent, 20u);
        }
        auto w = n.writer();
        for (std::uint64_t i = 0; i < 100; ++i) {  // all that it thinks it may have
            auto l = w.loan(3000, Deadline::now());
            if (!l) break;
            std::memset(l->bytes().data(), 'x', 3000);
        }
        for (std::uint64_t i = 0; i < sent; ++i) ASSERT_TRUE(receive(r) == payload(i, 3000)) << i << " of " << sent;
    }
}

TEST(ShmLoan, the_next_writer_takes_the_bank_over) {
    NamedRing n;
    n.how.most_lent = 1 << 20;
    auto r = n.reader();
    std::optional<Lease> kept;
    for (std::uint64_t round = 0; round < 50; ++round) {
        Child child([&] {
            auto w = n.writer();
            for (std::uint64_t i = 0; i < 3; ++i)
                if (!lend(w, payload(3 * round + i, 60'000))) return false;
            ::kill(::getpid(), SIGKILL);
            return false;
        });
        EXPECT_FALSE(child.ok());
        for (std::uint64_t i = 0; i < 3; ++i) {
            const auto got = receive(r, 5s);
            ASSERT_TRUE(got == payload(3 * round + i, 60'000)) << "round " << round << ": " << got.substr(0, 40);
            if (kept) {
                ASSERT_TRUE(text_at(*kept) == payload(12, 60'000));
            }
            if (round == 3 && i == 2) {
                auto w = n.writer();
                WYE_ASSERT_OK(lend(w, payload(12, 60'000)));
                kept.emplace(or_throw(r.take(Deadline::now())));
            }
        }
    }
    EXPECT_EQ(or_throw(SharedSegment::all_beside("loan", n.name)).size(), 1u);
}

TEST(ShmLoan, no_more_is_lent_than_most_lent) {
    NamedRing n;
    n.how.most_lent = 1 << 20;
    auto w = n.writer();
    auto r = n.reader();
    std::vector<Loan> all;
    for (auto l = w.loan(65536, Deadline::now()); l; l = w.loan(65536, Deadline::now())) all.push_back(std::move(*l));
    EXPECT_EQ(all.size(), 16u);
    WYE_EXPECT_ERRC(Errc::timed_out, w.loan(65536, 1ms));
    all.pop_back();
    WYE_ASSERT_OK(w.loan(65536, Deadline::now()));
}

TEST(ShmLoan, one_that_never_fits_is_said_at_once_and_one_that_just_fits_is_had) {
    NamedRing n;
    n.how.most_lent = 1 << 20;
    auto w = n.writer();
    auto r = n.reader();
    WYE_ASSERT_OK(w.loan(1 << 20, 2s));  // alone: there is room for one of that size
    WYE_EXPECT_ERRC(Errc::exhausted, w.loan((1 << 20) + 1, 2s));
}

TEST(ShmLoan, a_lease_that_is_dropped_wakes_a_lender) {
    NamedRing n;
    n.how.most_lent = 4 << 20;
    auto w = n.writer();
    auto r = n.reader();
    std::vector<Lease> kept;
    for (int i = 0; i < 4; ++i) {
        WYE_ASSERT_OK(lend(w, payload(1, 1 << 20)));
        kept.push_back(or_throw(r.take(Deadline::now())));
    }
    WYE_EXPECT_ERRC(Errc::timed_out, w.loan(1 << 20, Deadline::now()));
    const auto p = n.pages();
    p.header->space.announced.store(1);  // as a lender does who sleeps
    const auto before = p.header->space.event.load();
    kept.pop_back();
    EXPECT_NE(p.header->space.event.load(), before);
    WYE_ASSERT_OK(w.loan(1 << 20, Deadline::now()));
}

TEST(ShmLoan, is_not_committed_by_who_no_longer_writes) {
    const NamedRing n;
    auto w = n.writer();
    auto r = n.reader();
    auto l = or_throw(w.loan(100));
    WYE_ASSERT_OK(w.close_write());
    WYE_EXPECT_ERRC(Errc::closed, std::move(l).commit());
    auto second = n.writer();
    auto m = or_throw(second.loan(100));
    Child child([&] {
        WYE_EXPECT_ERRC(Errc::unsupported, std::move(m).commit());
        return !::testing::Test::HasFailure();
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(receive(r), "error: timed_out");
}

TEST(ShmLease, many_are_held_and_given_back_in_any_order) {
    const NamedRing n({.bytes = 4096});
    auto w = n.writer();
    auto r = n.reader();
    std::uint64_t sent = 0, taken = 0;
    std::vector<std::pair<std::uint64_t, Lease>> held;
    std::uint64_t random = 1;
    for (int i = 0; i < 20'000; ++i) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        if (w.send(bytes_of(payload(sent, random >> 40 & 127)), Deadline::now())) ++sent;
        if (held.size() < 12)
            if (auto l = r.take(Deadline::now())) held.emplace_back(taken++, std::move(*l));
        for (const auto& [k, l] : held) ASSERT_TRUE(text_at(l) == payload(k, l.bytes().size()));
        if (!held.empty() && (random >> 33) % 3 != 0)
            held.erase(held.begin() + static_cast<std::ptrdiff_t>((random >> 50) % held.size()));
    }
    EXPECT_GT(sent, 5000u);
    held.clear();
    while (r.take(Deadline::now())) ++taken;
    EXPECT_EQ(taken, sent);
}

TEST(ShmLease, the_writer_waits_for_what_is_held_and_for_no_more) {
    const NamedRing n({.bytes = 2048});
    auto w = n.writer();
    auto r = n.reader();
    WYE_ASSERT_OK(w.send(bytes_of("first")));
    {
        const auto l = or_throw(r.take(Deadline::now()));
        int sent = 0;
        for (; w.send(bytes_of("more"), Deadline::now()); ++sent) EXPECT_EQ(receive(r), "more");
        EXPECT_LT(sent, 32);
        EXPECT_EQ(text_at(l), "first");
    }
    for (int i = 0; i < 100; ++i) {
        WYE_ASSERT_OK(w.send(bytes_of("on"), Deadline::now()));
        EXPECT_EQ(receive(r), "on");
    }
}

TEST(ShmLease, what_was_taken_and_not_dropped_comes_to_the_next_reader) {
    const NamedRing n;
    auto w = n.writer();
    for (const auto s : {"a", "b", "c"}) WYE_ASSERT_OK(w.send(bytes_of(s)));
    Child child([&] {
        auto r = n.reader();
        const auto a = or_throw(r.take(Deadline::now()));
        { const auto b = or_throw(r.take(Deadline::now())); }
        ::kill(::getpid(), SIGKILL);
        return false;
    });
    EXPECT_FALSE(child.ok());
    auto r = n.reader();
    for (const auto s : {"a", "b", "c"}) EXPECT_EQ(receive(r), s);
}

TEST(ShmLease, of_who_is_not_waited_for_several_are_held_at_once) {
    const NamedRing n({.shape = Shape::broadcast, .bytes = 2048});
    auto w = n.writer();
    auto r = n.reader(Policy::drop);
    std::vector<Lease> held;
    for (std::uint64_t i = 0; i < 8; ++i) {
        WYE_ASSERT_OK(w.send(bytes_of(payload(i, 10 + 40 * i))));
        held.push_back(or_throw(r.take(Deadline::now())));
    }
    for (int i = 0; i < 100; ++i) WYE_ASSERT_OK(w.send(bytes_of("over it")));
    for (std::uint64_t i = 0; i < 8; ++i) EXPECT_TRUE(text_at(held[i]) == payload(i, 10 + 40 * i));
}

}  // namespace
