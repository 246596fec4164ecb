#include "wye/io/framed_stream.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <csignal>
#include <cstring>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;

namespace {

struct Ends {
    FramedStream in, out;
};

Ends pipe_ends(StreamOptions o = {}) {
    int p[2];
    if (sys::pipe2(p, 0) < 0) std::abort();
    o.shared = true;
    return {FramedStream(Fd(p[0]), Fd(), o), FramedStream(Fd(), Fd(p[1]), o)};
}
Ends socket_ends(StreamOptions o = {}) {
    int s[2];
    if (sys::socketpair(AF_UNIX, SOCK_STREAM, s) < 0) std::abort();
    return {FramedStream(Fd(s[0]), o), FramedStream(Fd(s[1]), o)};
}
using Make = Ends (*)(StreamOptions);

std::string text(std::size_t n) {
    std::string s(n, 'a');
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>('a' + i % 26);
    return s;
}

// A few messages of every kind through `ends`, from a thread; what arrived, copied and where it lay by turns.
std::vector<std::string> carry(Ends& ends, const std::vector<std::string>& messages) {
    std::thread writer([&] {
        for (const auto& m : messages)
            if (auto r = ends.out.send(bytes_of(m), 10s); !r) ADD_FAILURE() << r.error().message();
        EXPECT_TRUE(ends.out.close_write());
    });
    std::vector<std::string> got;
    std::vector<std::byte> room(200'000);
    for (;;) {
        const auto m = got.size() % 2 ? ends.in.recv_view(10s) : Result<Bytes>(ends.in.recv(room, 10s));
        if (!m) {
            EXPECT_TRUE(m.error().is(Errc::closed)) << m.error().message();
            break;
        }
        got.emplace_back(text_of(*m));
    }
    writer.join();
    return got;
}
const std::vector<std::string> mixed{
    "one", "", text(4092), text(4093), text(9000), text(9001), text(150'000), text(150'001), "last"};

}  // namespace

TEST(FramedStream, short_transfers_and_interruptions_change_nothing) {
    for (const Make make : {Make(pipe_ends), Make(socket_ends)}) {
        for (const auto& fault :
             {sys::Fault{.nth = 1, .times = 100'000, .clip = 700}, sys::Fault{.nth = 1, .times = 40, .clip = 1},
              sys::Fault{.nth = 3, .times = 5, .error = EINTR}}) {
            auto ends = make({});
            const sys::Inject bent{fault};
            EXPECT_EQ(carry(ends, mixed), mixed);
            EXPECT_GT(bent.hits(), 0u);
        }
    }
}

TEST(FramedStream, lines_and_nul_survive_short_transfers_too) {
    const std::vector<std::string> messages{"one", "", text(70'000), "last"};
    for (const auto framing : {Framing::lines, Framing::nul})
        for (const Make make : {Make(pipe_ends), Make(socket_ends)}) {
            auto ends = make({.framing = framing});
            const sys::Inject bent{{.nth = 1, .times = 100'000, .clip = 333}};
            EXPECT_EQ(carry(ends, messages), messages);
        }
}

// Every call of a send and a recv fails once, each in its own run: the error surfaces with the errno of the call,
// nothing of the message was delivered, and the stream goes on.
TEST(FramedStream, the_nth_call_failing_surfaces_and_leaves_nothing_half_made) {
    for (const Make make : {Make(pipe_ends), Make(socket_ends)})
        for (const auto framing : {Framing::frame, Framing::lines})
            for (const auto& [error, kind] : {std::pair{EIO, Errc::failed},
                                              {ENOMEM, Errc::exhausted},
                                              {EPIPE, Errc::closed},
                                              {EACCES, Errc::denied}})
                for (unsigned nth = 1;; ++nth) {
                    ASSERT_LT(nth, 30u);
                    auto ends = make({.framing = framing});
                    std::byte room[64];
                    bool failed = false;
                    {
                        const sys::Inject bent{{.nth = nth, .error = error}};
                        auto sent = ends.out.send(bytes_of("message"), 1s);
                        if (!sent) {
                            failed = true;
                            EXPECT_EQ(sent.error().sys(), error);
                            EXPECT_EQ(name(sent.error().kind()), name(kind));
                        } else if (auto got = ends.in.recv(room, 1s); !got) {
                            failed = true;
                            EXPECT_EQ(got.error().sys(), error);
                            WYE_ASSERT_OK(ends.in.recv(room, 1s));  // it is still there
                        }
                        if (bent.hits() == 0) break;
                        // fstat, a missing twin and a refused poll have another way, which is as good.
                    }
                    if (failed) WYE_EXPECT_ERRC(Errc::timed_out, ends.in.recv(room, Deadline::now()));
                    WYE_ASSERT_OK(ends.out.send(bytes_of("next"), 1s));
                    auto next = ends.in.recv(room, 1s);
                    WYE_ASSERT_OK(next);
                    EXPECT_EQ(text_of(*next), "next") << "call " << nth;
                }
}

TEST(FramedStream, a_deadline_inside_a_message_is_taken_up_by_the_next_call) {
    auto ends = socket_ends();
    const auto big = text(1 << 20);
    std::vector<std::byte> room(1 << 20);
    // The socket takes its beginning; the rest follows by flush().
    WYE_ASSERT_OK(ends.out.send(bytes_of(big), Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, ends.out.flush(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, ends.in.recv(room, 20ms));
    std::thread rest([&] { EXPECT_TRUE(ends.out.flush(10s)); });
    auto got = ends.in.recv(room, 10s);
    rest.join();
    WYE_ASSERT_OK(got);
    EXPECT_EQ(text_of(*got), big);
}

TEST(FramedStream, a_view_takes_up_what_recv_left_and_recv_what_a_view_left) {
    const auto big = text(1 << 20);
    for (const bool view_first : {false, true}) {
        auto ends = socket_ends();
        std::vector<std::byte> room(1 << 20);
        const auto get = [&](bool view, Deadline d) {
            return view ? ends.in.recv_view(d) : Result<Bytes>(ends.in.recv(room, d));
        };
        WYE_ASSERT_OK(ends.out.send(bytes_of(big), Deadline::now()));
        WYE_EXPECT_ERRC(Errc::timed_out, get(view_first, 20ms));
        WYE_EXPECT_ERRC(Errc::timed_out, get(!view_first, Deadline::now()));
        std::thread rest([&] { EXPECT_TRUE(ends.out.flush(10s)); });
        auto got = get(!view_first, 10s);
        rest.join();
        WYE_ASSERT_OK(got);
        EXPECT_TRUE(text_of(*got) == big);
    }
}

TEST(FramedStream, a_view_stays_while_the_same_end_sends) {
    auto ends = socket_ends();
    WYE_ASSERT_OK(ends.out.send(bytes_of("question")));
    WYE_ASSERT_OK(ends.out.send(bytes_of("next")));
    const auto question = or_throw(ends.in.recv_view(1s));
    WYE_ASSERT_OK(ends.in.send(question));
    WYE_ASSERT_OK(ends.in.send(bytes_of(text(9000))));
    EXPECT_EQ(text_of(question), "question");
    EXPECT_EQ(text_of(or_throw(ends.out.recv_view(1s))), "question");
    EXPECT_EQ(text_of(or_throw(ends.in.recv_view(1s))), "next");
}

TEST(FramedStream, the_rest_of_a_half_sent_message_goes_before_the_next) {
    auto ends = socket_ends();
    const auto big = text(1 << 20);
    WYE_ASSERT_OK(ends.out.send(bytes_of(big), Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, ends.out.send(bytes_of("next"), Deadline::now()));
    std::thread writer([&] { EXPECT_TRUE(ends.out.send(bytes_of("next"), 10s)); });
    std::vector<std::byte> room(1 << 20);
    EXPECT_EQ(or_throw(ends.in.recv(room, 10s)).size(), big.size());
    EXPECT_EQ(text_of(or_throw(ends.in.recv(room, 10s))), "next");
    writer.join();
}

TEST(FramedStream, a_forked_copy_does_not_send_the_rest_a_second_time) {
    auto ends = socket_ends();
    const auto big = text(1 << 20);
    WYE_ASSERT_OK(ends.out.send(bytes_of(big), Deadline::now()));
    test::Child child([&] {
        const FramedStream gone = std::move(ends.out);  // dropped in the child, as an exit by return does
        return true;
    });
    // Its second of grace would be spent now, with the reader reading.
    std::vector<std::byte> room(1 << 20);
    std::thread reader([&] {
        EXPECT_TRUE(child.ok());
        EXPECT_TRUE(ends.out.flush(10s));
        EXPECT_TRUE(ends.out.send(bytes_of("next"), 10s));
        EXPECT_TRUE(ends.out.close_write());
    });
    auto got = ends.in.recv(room, 10s);
    EXPECT_TRUE(got && text_of(*got) == big);
    auto next = ends.in.recv(room, 10s);
    EXPECT_TRUE(next && text_of(*next) == "next") << (next ? std::to_string(next->size()) : next.error().message());
    reader.join();
}

TEST(FramedStream, too_big_is_refused_before_a_byte_is_sent) {
    for (const Make make : {Make(pipe_ends), Make(socket_ends)}) {
        auto ends = make({.max_message = 8});
        std::byte room[16];
        WYE_EXPECT_ERRC(Errc::too_big, ends.out.send(bytes_of("123456789")));
        WYE_EXPECT_ERRC(Errc::timed_out, ends.in.recv(room, Deadline::now()));
        WYE_ASSERT_OK(ends.out.send(bytes_of("12345678")));
        WYE_EXPECT_ERRC(Errc::too_big, ends.in.recv(MutBytes(room, 7), 1s));
        EXPECT_EQ(or_throw(ends.in.recv(room, 1s)).size(), 8u) << "it stayed for a larger place";
    }
}

TEST(FramedStream, a_mark_inside_a_message_is_refused) {
    auto lines = pipe_ends({.framing = Framing::lines});
    WYE_EXPECT_ERRC(Errc::unsupported, lines.out.send(bytes_of("two\nlines")));
    auto nul = pipe_ends({.framing = Framing::nul});
    WYE_EXPECT_ERRC(Errc::unsupported, nul.out.send(bytes_of(std::string_view("a\0b", 3))));
}

TEST(FramedStream, each_way_of_a_socket_ends_for_itself) {
    auto ends = socket_ends();
    std::byte room[16];
    WYE_ASSERT_OK(ends.out.send(bytes_of("bye")));
    WYE_ASSERT_OK(ends.out.close_write());
    WYE_ASSERT_OK(ends.out.close_write());
    WYE_EXPECT_ERRC(Errc::closed, ends.out.send(bytes_of("more")));
    EXPECT_EQ(text_of(or_throw(ends.in.recv(room, 1s))), "bye");
    WYE_EXPECT_ERRC(Errc::closed, ends.in.recv(room, 1s));
    WYE_ASSERT_OK(ends.in.send(bytes_of("back")));
    EXPECT_EQ(text_of(or_throw(ends.out.recv(room, 1s))), "back");
}

TEST(FramedStream, the_descriptor_is_lent_only_while_nothing_waits_in_the_buffer) {
    auto ends = pipe_ends();
    std::byte room[16];
    EXPECT_GE(ends.in.raw_handles().read, 0);
    WYE_ASSERT_OK(ends.out.send(bytes_of("one")));
    WYE_ASSERT_OK(ends.out.send(bytes_of("two")));
    WYE_ASSERT_OK(ends.in.recv(room, 1s));
    EXPECT_EQ(ends.in.raw_handles().read, -1) << "the second message lies in the buffer";
    WYE_ASSERT_OK(ends.in.recv(room, 1s));
    EXPECT_GE(ends.in.raw_handles().read, 0);
}

TEST(FramedStream, one_message_costs_one_system_call_each_way) {
    for (const Make make : {Make(pipe_ends), Make(socket_ends)}) {
        auto ends = make({});
        std::byte room[64];
        for (int warm = 0; warm < 2; ++warm) {
            WYE_ASSERT_OK(ends.out.send(bytes_of("x")));
            WYE_ASSERT_OK(ends.in.recv(room));
        }
        const auto before = sys::count();
        WYE_ASSERT_OK(ends.out.send(bytes_of("x")));
        WYE_ASSERT_OK(ends.in.recv(room));
        WYE_ASSERT_OK(ends.out.send(bytes_of("y")));
        WYE_ASSERT_OK(ends.in.recv_view());
        EXPECT_EQ(sys::count() - before, 4u);
    }
}

TEST(StreamOptions, come_from_the_uri_or_are_refused) {
    const auto parse = [](const char* u) { return stream_options(or_throw(Uri::parse(u))); };
    EXPECT_EQ(or_throw(parse("pipe:")).max_message, 16u << 20);
    EXPECT_EQ(or_throw(parse("pipe:?framing=nul&max=1K")).framing, Framing::nul);
    for (const auto* bad : {"pipe:?framing=x", "pipe:?max=0", "pipe:?max=1G", "pipe:?max=x", "pipe:?max"})
        WYE_EXPECT_ERRC(Errc::bad_address, parse(bad));
}
