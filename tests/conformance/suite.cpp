// The promises that every means keeps, a function each, guarded by the traits. Both ends in separate processes.
#include "wye/core/framing.hpp"

#include "conformance/rig.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <ostream>
#include <random>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 10s;  // far beyond what any step needs: reaching it is a failure

// A message that can be told from any other: its number and writer in front, then bytes that no delimiter is among.
std::string message(unsigned writer, unsigned number, std::size_t size) {
    std::string s(size, ' ');
    std::minstd_rand random(writer * 7919 + number + 1);
    for (auto& c : s) c = static_cast<char>('!' + random() % 90);
    const auto mark = std::to_string(writer) + "." + std::to_string(number) + ";";
    std::memcpy(s.data(), mark.data(), std::min(size, mark.size()));
    return s;
}

// In the framing raw the test brings boundaries of its own, as any user of raw bytes must.
class Out {
public:
    Out(Channel c, Framing f) : channel(std::move(c)), framing_(f) {}
    Result<> send(std::string_view m, Deadline d = patience) {
        if (framing_ != Framing::raw) return channel.send(bytes_of(m), d);
        const auto header = FrameHeader{.length = static_cast<std::uint32_t>(m.size())}.encode();
        std::string whole(text_of(header));
        whole += m;
        return channel.send(bytes_of(whole), d);
    }
    Channel channel;

private:
    Framing framing_;
};

class In {
public:
    In(Channel c, Framing f) : channel(std::move(c)), framing_(f), room_(channel.max_message() + 16) {}
    Result<std::string> recv(Deadline d = patience) {
        if (framing_ != Framing::raw) {
            WYE_TRY(const auto got, receive(d));
            return std::string(text_of(got));
        }
        while (held_.size() < 4 || held_.size() < 4 + length()) {
            WYE_TRY(const auto got, receive(d));
            held_ += text_of(got);
        }
        auto m = held_.substr(4, length());
        held_.erase(0, 4 + m.size());
        return m;
    }
    Channel channel;
    bool views = false;  // recv_view() instead of recv()

private:
    Result<Bytes> receive(Deadline d) {
        if (views) return channel.recv_view(d);
        return channel.recv(room_, d);
    }
    std::size_t length() const {
        return FrameHeader::decode(std::span<const std::byte, 4>(bytes_of(std::string_view(held_)).data(), 4)).length;
    }
    Framing framing_;
    std::vector<std::byte> room_;
    std::string held_;
};

// A counter both processes see: the reader says how far it is, so that a lossy means is never overrun.
class Progress {
public:
    Progress()
        : n_(static_cast<std::atomic<unsigned>*>(
              ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~Progress() { ::munmap(n_, 4096); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void step() { n_->fetch_add(1); }
    unsigned get() const { return n_->load(); }
    bool reach(unsigned n) const {
        for (const Deadline d = patience; !d.passed(); ::usleep(200))
            if (get() >= n) return true;
        return false;
    }

private:
    std::atomic<unsigned>* n_;
};

class Conformance : public ::testing::TestWithParam<Subject> {
protected:
    void SetUp() override {
        // A SIGPIPE would end the process, and with it the test: it must never come.
        ::signal(SIGPIPE, SIG_DFL);
        before_ = open_descriptors();
        inherited = inheritable_descriptors();
        rig = GetParam().make();
        if (auto r = rig->prepare(); !r) {
            if (r.error().is(Errc::unsupported)) GTEST_SKIP() << r.error().message();
            FAIL() << r.error().message();
        }
    }
    void TearDown() override {
        if (!rig) return;
        auto left = rig->leftovers();
        rig.reset();
        EXPECT_EQ(left, "");
        EXPECT_EQ(open_descriptors(), before_) << "descriptors are left open";
    }
    const Traits& traits() const { return GetParam().traits; }
    Framing framing() const { return GetParam().framing; }

    std::vector<In> readers(unsigned writers = 1) {
        std::vector<In> all;
        for (auto& c : or_throw(rig->readers(writers))) all.emplace_back(std::move(c), framing());
        return all;
    }
    In reader() { return std::move(readers(1).front()); }
    Out writer() { return {or_throw(rig->writer()), framing()}; }

    // What fits besides the test's own header in raw.
    static std::size_t largest(const Channel& c, Framing f) { return c.max_message() - (f == Framing::raw ? 4 : 0); }

    std::unique_ptr<Rig> rig;
    std::vector<int> inherited;  // from whoever started the tests

private:
    std::vector<int> before_;
};

std::vector<std::size_t> sizes(std::size_t max) {
    std::vector<std::size_t> s;
    for (const std::size_t n : {1u, 7u, 64u, 100u, 1000u, 4000u, 4092u, 4096u, 4097u, 9000u, 20000u, 70000u})
        s.push_back(std::min(n, max));
    return s;
}

bool send_all(Out& out, unsigned writer, unsigned count, std::size_t max, Progress& read, bool lossless) {
    const auto s = sizes(max);
    for (unsigned i = 0; i < count; ++i) {
        if (!lossless && !read.reach(i)) return false;
        if (auto r = out.send(message(writer, i, s[i % s.size()])); !r) {
            ADD_FAILURE() << "send " << i << ": " << r.error().message();
            return false;
        }
    }
    return true;
}

void expect_all(In& in, unsigned count, std::size_t max, Progress& read) {
    const auto s = sizes(max);
    for (unsigned i = 0; i < count; ++i) {
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        ASSERT_EQ(*got, message(0, i, s[i % s.size()])) << "message " << i;
        read.step();
    }
}

}  // namespace

TEST_P(Conformance, messages_arrive_whole_and_in_order) {
    Progress read;
    Child child([&] {
        auto out = writer();
        return send_all(out, 0, 500, largest(out.channel, framing()), read, traits().lossless) && read.reach(500);
    });
    auto in = reader();
    expect_all(in, 500, largest(in.channel, framing()), read);
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, an_interrupting_storm_of_signals_changes_nothing) {
    Progress read;
    Child child([&] {
        const EintrStorm storm;
        auto out = writer();
        return send_all(out, 0, 300, largest(out.channel, framing()), read, traits().lossless) && read.reach(300);
    });
    auto in = reader();
    {
        const EintrStorm storm;
        expect_all(in, 300, largest(in.channel, framing()), read);
    }
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, an_empty_message_is_a_message) {
    if (!traits().empty_messages) GTEST_SKIP() << "the means carries no empty messages";
    Progress read;
    Child child([&] {
        auto out = writer();
        for (const auto* m : {"before", "", "", "after"}) EXPECT_TRUE(out.send(m).has_value());
        return read.reach(1);
    });
    auto in = reader();
    for (const auto* m : {"before", "", "", "after"}) {
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        EXPECT_EQ(*got, m);
    }
    read.step();
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, the_largest_message_passes_and_one_byte_more_is_refused) {
    Progress read;
    Child child([&] {
        auto out = writer();
        const auto max = largest(out.channel, framing());
        EXPECT_TRUE(out.send("before").has_value());
        EXPECT_TRUE(out.send(message(0, 1, max)).has_value());
        WYE_EXPECT_ERRC(Errc::too_big, out.send(message(0, 2, max + 1)));
        EXPECT_TRUE(out.send("after").has_value());
        return read.reach(1);
    });
    auto in = reader();
    const auto max = largest(in.channel, framing());
    ASSERT_GT(max, 16u);
    for (const auto& m : {std::string("before"), message(0, 1, max), std::string("after")}) {
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        EXPECT_TRUE(*got == m) << "of " << m.size() << " bytes, got " << got->size();
    }
    read.step();
    EXPECT_TRUE(child.ok());
}

// Whole and in order, empty, the largest and one byte more, the deadline, the end: as recv(), and by turns with it.
TEST_P(Conformance, a_view_keeps_what_recv_promises) {
    Progress opened, looked, read;
    const auto messages = [&](std::size_t max) {
        std::vector<std::string> all{"before", message(0, 0, max), "after"};
        if (traits().empty_messages) all.insert(all.end() - 1, 2, "");
        const auto s = sizes(max);
        for (unsigned i = 1; i <= 100; ++i) all.push_back(message(0, i, s[i % s.size()]));
        return all;
    };
    Child child([&] {
        auto out = writer();
        opened.step();
        if (!looked.reach(1)) return false;
        const auto max = largest(out.channel, framing());
        unsigned sent = 0;
        for (const auto& m : messages(max)) {
            if (!traits().lossless && !read.reach(sent)) return false;
            EXPECT_TRUE(out.send(m).has_value()) << "message " << sent;
            if (++sent == 2) WYE_EXPECT_ERRC(Errc::too_big, out.send(message(0, 0, max + 1)));
        }
        return read.reach(sent);
    });
    auto in = reader();
    in.views = true;
    ASSERT_TRUE(opened.reach(1));
    WYE_EXPECT_ERRC(Errc::timed_out, in.recv(Deadline::now()));
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, in.recv(30ms));
    EXPECT_GE(Deadline::Clock::now() - start, 30ms);
    looked.step();
    unsigned i = 0;
    for (const auto& m : messages(largest(in.channel, framing()))) {
        in.views = i % 5 != 4;
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        ASSERT_TRUE(*got == m) << "message " << i << " of " << m.size() << " bytes, got " << got->size();
        ++i;
        read.step();
    }
    EXPECT_TRUE(child.ok());
    in.views = true;
    if (traits().sees_close) WYE_EXPECT_ERRC(Errc::closed, in.recv());
}

TEST_P(Conformance, a_message_larger_than_the_buffer_stays_where_it_is) {
    if (framing() == Framing::raw) GTEST_SKIP() << "raw bytes have no messages";
    Progress read;
    Child child([&] {
        auto out = writer();
        return out.send(message(0, 0, 200)).has_value() && out.send("next").has_value() && read.reach(1);
    });
    auto in = reader();
    std::byte little[100];
    WYE_EXPECT_ERRC(Errc::too_big, in.channel.recv(little, patience));
    for (const auto& m : {message(0, 0, 200), std::string("next")}) {
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        EXPECT_EQ(*got, m);
    }
    read.step();
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, a_deadline_is_met_without_spinning) {
    Progress opened, done;
    Child child([&] {
        auto out = writer();
        opened.step();
        return done.reach(1);
    });
    auto in = reader();
    ASSERT_TRUE(opened.reach(1));
    auto best = std::chrono::nanoseconds(1h), least = best;
    for (int i = 0; i < 5; ++i) {  // the best of five: a loaded machine wakes anybody late
        const auto cpu = cpu_time();
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, in.recv(60ms));
        const auto took = Deadline::Clock::now() - start;
        EXPECT_GE(took, 60ms);
        best = std::min(best, std::chrono::nanoseconds(took));
        least = std::min(least, cpu_time() - cpu);
    }
    EXPECT_LE(best, 80ms);
    EXPECT_LE(least, 3ms) << "processor time of a wait of 60 ms";
    done.step();
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, now_never_blocks) {
    Progress opened, done;
    Child child([&] {
        auto out = writer();
        opened.step();
        return done.reach(1);
    });
    auto in = reader();
    ASSERT_TRUE(opened.reach(1));
    auto best = std::chrono::nanoseconds(1h);
    for (int i = 0; i < 20; ++i) {
        const auto start = Deadline::Clock::now();
        WYE_EXPECT_ERRC(Errc::timed_out, in.recv(Deadline::now()));
        best = std::min(best, std::chrono::nanoseconds(Deadline::Clock::now() - start));
    }
    EXPECT_LE(best, 2ms);
    done.step();
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, sending_into_what_is_full_ends_at_the_deadline_and_loses_nothing) {
    constexpr unsigned bound = 20000;  // what has no limit of its own (a file, a socket that drops) stops here
    Progress full, sent, read;
    Child child([&] {
        auto out = writer();
        const auto size = std::min<std::size_t>(1000, largest(out.channel, framing()));
        const auto attempt = [&](Deadline d) {
            auto r = out.send(message(0, sent.get(), size), d);
            if (r) sent.step();
            return r;
        };
        auto last = attempt(Deadline::now());
        while (last && sent.get() < bound) last = attempt(Deadline::now());
        if (!last) {
            WYE_EXPECT_ERRC(Errc::timed_out, last);
            const auto start = Deadline::Clock::now();
            if (auto r = attempt(60ms); !r) WYE_EXPECT_ERRC(Errc::timed_out, r);
            EXPECT_LE(Deadline::Clock::now() - start, 300ms);
        }
        full.step();
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(attempt(patience).has_value());
        full.step();
        return read.reach(1);
    });
    auto in = reader();
    ASSERT_TRUE(full.reach(1));
    const auto size = std::min<std::size_t>(1000, largest(in.channel, framing()));
    unsigned i = 0;
    // What was counted is there; nothing says that more comes until it is counted or the writer is done.
    const auto more = [&] {
        for (; i >= sent.get(); std::this_thread::sleep_for(1ms))
            if (full.get() >= 2 && i >= sent.get()) return false;
        return true;
    };
    for (; traits().lossless && more(); ++i) {
        auto m = in.recv();
        WYE_ASSERT_OK(m);
        ASSERT_EQ(*m, message(0, i, size)) << "message " << i;
    }
    read.step();
    EXPECT_TRUE(child.ok());
}

TEST_P(Conformance, after_an_orderly_close_everything_is_read_and_then_closed) {
    if (!traits().sees_close) GTEST_SKIP() << "a close is not seen at the other end of this means";
    Child child([&] {
        auto out = writer();
        for (unsigned i = 0; i < 20; ++i) EXPECT_TRUE(out.send(message(0, i, 500)).has_value());
        return true;  // and gone
    });
    auto in = reader();
    EXPECT_TRUE(child.ok());
    for (unsigned i = 0; i < 20; ++i) {
        auto got = in.recv();
        WYE_ASSERT_OK(got);
        EXPECT_EQ(*got, message(0, i, 500));
    }
    WYE_EXPECT_ERRC(Errc::closed, in.recv());
    WYE_EXPECT_ERRC(Errc::closed, in.recv(Deadline::now()));
}

TEST_P(Conformance, the_survivor_of_a_killed_writer_does_not_hang) {
    Progress sent;
    Child child([&] {
        auto out = writer();
        const auto size = std::min<std::size_t>(60000, largest(out.channel, framing()));
        for (unsigned i = 0;; ++i) {
            (void)out.send(message(0, i, size));
            sent.step();
            if (!traits().lossless) ::usleep(1000);
        }
        return false;
    });
    auto in = reader();
    for (int i = 0; i < 3; ++i) WYE_ASSERT_OK(in.recv());
    child.kill();  // in the middle of a message, as like as not
    const Deadline end = patience;
    for (;;) {
        auto got = in.recv(traits().sees_close ? end : Deadline(200ms));
        if (got) continue;
        const auto e = got.error().kind();
        if (traits().sees_close)
            EXPECT_TRUE(e == Errc::closed || e == Errc::peer_died) << got.error().message();
        else
            EXPECT_TRUE(e == Errc::timed_out || e == Errc::closed || e == Errc::peer_died || e == Errc::corrupt)
                << got.error().message();
        break;
    }
    EXPECT_FALSE(end.passed());
}

TEST_P(Conformance, the_survivor_of_a_killed_reader_does_not_hang_and_gets_no_sigpipe) {
    Progress read;
    Child child([&] {
        auto in = reader();
        for (;;) {
            if (auto got = in.recv(); got) read.step();
        }
        return false;
    });
    auto out = writer();
    const auto size = std::min<std::size_t>(30000, largest(out.channel, framing()));
    for (unsigned i = 0; i < 3; ++i) {
        WYE_ASSERT_OK(out.send(message(0, i, size)));
        ASSERT_TRUE(read.reach(i + 1));
    }
    child.kill();
    const Deadline end = patience;
    for (unsigned i = 0; i < 2000 && !end.passed(); ++i) {
        auto r = out.send(message(0, i, size), 200ms);
        if (r) continue;
        const auto e = r.error().kind();
        EXPECT_TRUE(e == Errc::closed || e == Errc::peer_died || e == Errc::not_found ||
                    (!traits().sees_close && e == Errc::timed_out))
            << r.error().message();
        return;
    }
    EXPECT_TRUE(!traits().sees_close || GetParam().forgets)
        << "a means that sees a close let 2000 messages go to nobody";
}

TEST_P(Conformance, every_descriptor_is_closed_on_exec) {
    Progress looked;
    Child child([&] {
        auto out = writer();
        EXPECT_EQ(inheritable_descriptors(), inherited);
        (void)out.send("x");
        EXPECT_EQ(inheritable_descriptors(), inherited);
        return looked.reach(1);
    });
    auto in = reader();
    WYE_ASSERT_OK(in.recv());
    EXPECT_EQ(inheritable_descriptors(), inherited);
    looked.step();
    EXPECT_TRUE(child.ok());
}

namespace {
void writers_do_not_interleave(unsigned writers, const Subject& subject, Rig& rig, unsigned each) {
    Progress read;
    std::vector<Child> children;
    for (unsigned w = 0; w < writers; ++w)
        children.emplace_back([&, w] {
            Out out(or_throw(rig.writer()), subject.framing);
            const auto max = out.channel.max_message() - (subject.framing == Framing::raw ? 4 : 0);
            const auto s = sizes(max);
            for (unsigned i = 0; i < each; ++i) {
                // A lossy means holds one message of each writer at a time.
                if (!subject.traits.lossless && !read.reach(i * writers)) return false;
                if (auto r = out.send(message(w, i, std::max<std::size_t>(16, s[(i + w) % s.size()]))); !r) {
                    ADD_FAILURE() << r.error().message();
                    return false;
                }
            }
            return read.reach(writers * each);
        });
    std::vector<In> ins;
    for (auto& c : or_throw(rig.readers(writers))) ins.emplace_back(std::move(c), subject.framing);
    std::map<unsigned, unsigned> next;
    unsigned got = 0;
    for (const Deadline end = 30s; got < writers * each && !end.passed();) {
        for (auto& in : ins) {
            if (got == writers * each) break;  // the writers go when all is read
            auto m = in.recv(ins.size() == 1 ? end : Deadline(1ms));
            if (!m) {
                ASSERT_TRUE(m.error().is(Errc::timed_out)) << m.error().message();
                continue;
            }
            unsigned w = 0, i = 0;
            ASSERT_EQ(std::sscanf(m->c_str(), "%u.%u;", &w, &i), 2) << *m;
            const auto s = sizes(in.channel.max_message() - (subject.framing == Framing::raw ? 4 : 0));
            ASSERT_TRUE(*m == message(w, i, std::max<std::size_t>(16, s[(i + w) % s.size()])))
                << "torn: " << m->substr(0, 40);
            ASSERT_EQ(i, next[w]++) << "out of order";
            ++got;
            read.step();
        }
    }
    EXPECT_EQ(got, writers * each);
    for (auto& c : children) EXPECT_TRUE(c.ok());
}
}  // namespace

TEST_P(Conformance, two_writers_never_interleave) {
    if (!traits().many_writers || GetParam().most_writers < 2) GTEST_SKIP() << "one writer only";
    writers_do_not_interleave(2, GetParam(), *rig, 200);
}

TEST_P(Conformance, eight_writers_never_interleave) {
    if (!traits().many_writers || GetParam().most_writers < 8) GTEST_SKIP() << "one writer only";
    writers_do_not_interleave(8, GetParam(), *rig, 100);
}

INSTANTIATE_TEST_SUITE_P(Rooms, Conformance, ::testing::ValuesIn(subjects()),
                         [](const auto& i) { return i.param.name; });

TEST(ConformanceCoverage, every_data_room_of_the_registry_is_a_subject) {
    for (const auto* m : mechanisms()) {
        if (!m->open && !m->open_pair) continue;
        // Its other end is a broker, which hides both ends from each other: src/transport/nats and tests/patterns.
        if (m->traits.scheme == "nats") continue;
        bool found = false;
        for (const auto& s : subjects()) found |= s.traits.scheme == m->traits.scheme;
        EXPECT_TRUE(found) << m->traits.scheme;
    }
}

}  // namespace wye::test
