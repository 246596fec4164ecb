#include "wye/transport/pipe.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <climits>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;

namespace {

std::string text(std::size_t n, char first = 'a') {
    std::string s(n, first);
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>(first + static_cast<int>(i % 20));
    return s;
}

// Waits until a writer is stuck in front of a full pipe, without reading from it.
bool fills_up(const PipeReader& reader) {
    for (int i = 0; i < 5000; ++i) {
        int held = 0;
        if (::ioctl(reader.native_handle(), FIONREAD, &held) == 0 && held > 60'000) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

}  // namespace

TEST(Pipe, a_message_comes_back_whole) {
    auto ends = or_throw(make_pipe());
    WYE_ASSERT_OK(ends.writer.send(bytes_of("hello")));
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(ends.reader.recv(room))), "hello");
    WYE_EXPECT_ERRC(Errc::timed_out, ends.reader.recv(room, Deadline::now()));
    WYE_ASSERT_OK(ends.writer.close_write());
    WYE_EXPECT_ERRC(Errc::closed, ends.reader.recv(room, 1s));
}

TEST(Pipe, messages_at_the_borders_of_what_the_kernel_keeps_together) {
    constexpr std::size_t whole = PIPE_BUF - 4, piece = PIPE_BUF - 12;
    auto ends = or_throw(make_pipe());
    std::vector<std::byte> room(5 * PIPE_BUF);
    for (const std::size_t n :
         {std::size_t{0}, std::size_t{1}, std::size_t{9}, piece - 1, piece, piece + 1, whole - 1, whole, whole + 1,
          std::size_t{PIPE_BUF}, 2 * piece, 2 * piece + 1, std::size_t{4 * PIPE_BUF}}) {
        const auto m = text(n);
        WYE_ASSERT_OK(ends.writer.send(bytes_of(m), 1s));
        EXPECT_EQ(text_of(or_throw(ends.reader.recv(room, 1s))), m) << n;
    }
}

TEST(Pipe, is_a_length_and_the_message_for_programs_that_know_nothing_of_wye) {
    int p[2];
    ASSERT_EQ(sys::pipe2(p, 0), 0);
    const Fd in(p[0]);
    PipeWriter writer((Fd(p[1])));
    WYE_ASSERT_OK(writer.send(bytes_of("hello")));
    char wire[16];
    ASSERT_EQ(::read(in.get(), wire, sizeof wire), 9);
    EXPECT_EQ(std::string_view(wire, 9), std::string_view("\0\0\0\5hello", 9));
    WYE_ASSERT_OK(writer.send(bytes_of(text(5000))));
    std::vector<char> pieces(6000);
    ASSERT_EQ(::read(in.get(), pieces.data(), pieces.size()), 5000 + 2 * 12);
    EXPECT_EQ(std::string_view(pieces.data(), 4), std::string_view("\x80\x00\x0f\xf4", 4));
    EXPECT_EQ(std::string_view(pieces.data() + PIPE_BUF, 4), std::string_view("\x40\x00\x03\x94", 4));
    EXPECT_EQ(std::string_view(pieces.data() + 4, 8), std::string_view(pieces.data() + PIPE_BUF + 4, 8)) << "one tag";
}

TEST(Pipe, a_writer_killed_inside_its_message_spoils_nobody_elses) {
    auto ends = or_throw(make_pipe());
    const auto big = text(300'000, 'A');  // more than the pipe holds: the child is stuck in its middle
    test::Child victim([&] { return ends.writer.send(bytes_of(big)).has_value(); });
    ASSERT_TRUE(fills_up(ends.reader));
    victim.kill();
    std::vector<std::byte> room(1 << 19);
    const auto other = text(20'000, 'b');
    test::Child survivor([&] {
        return ends.writer.send(bytes_of("small"), 5s).has_value() && ends.writer.send(bytes_of(other), 5s).has_value();
    });
    EXPECT_EQ(text_of(or_throw(ends.reader.recv(room, 5s))), "small");
    EXPECT_TRUE(text_of(or_throw(ends.reader.recv(room, 5s))) == other);
    EXPECT_TRUE(survivor.ok());
    WYE_ASSERT_OK(ends.writer.close_write());
    WYE_EXPECT_ERRC(Errc::peer_died, ends.reader.recv(room, 1s));
    WYE_EXPECT_ERRC(Errc::closed, ends.reader.recv(room, 1s));
}

TEST(Pipe, a_writer_killed_while_it_holds_the_lock_lets_the_others_go_on) {
    auto ends = or_throw(make_pipe({.framing = Framing::lines}));
    const auto big = text(300'000, 'A');
    test::Child victim([&] { return ends.writer.send(bytes_of(big)).has_value(); });
    ASSERT_TRUE(fills_up(ends.reader));
    WYE_EXPECT_ERRC(Errc::timed_out, ends.writer.send(bytes_of("x"), 20ms));
    victim.kill();
    test::Child survivor([&] {
        return ends.writer.send(bytes_of("\x01"), 5s).has_value() &&
               ends.writer.send(bytes_of("small"), 5s).has_value();
    });
    std::vector<std::byte> room(1 << 19);
    const auto spoilt = or_throw(
        ends.reader.recv(room, 5s));  // lines have no way to tell: the dead one's beginning, and what came next
    EXPECT_EQ(text_of(spoilt).back(), '\x01');
    EXPECT_EQ(text_of(or_throw(ends.reader.recv(room, 5s))), "small");
    EXPECT_TRUE(survivor.ok());
}

TEST(Pipe, a_deadline_inside_a_long_message_delivers_nothing_of_it) {
    auto ends = or_throw(make_pipe());
    const auto big = text(300'000);
    WYE_EXPECT_ERRC(Errc::timed_out, ends.writer.send(bytes_of(big), 30ms));
    std::vector<std::byte> room(1 << 19);
    WYE_EXPECT_ERRC(Errc::timed_out, ends.reader.recv(room, 20ms));
    WYE_ASSERT_OK(ends.writer.send(bytes_of("next"), 1s));
    EXPECT_EQ(text_of(or_throw(ends.reader.recv(room, 1s))), "next");
}

TEST(Pipe, no_descriptors_left_is_exhausted) {
    const sys::Inject bent{{.call = sys::Call::pipe2, .error = EMFILE}};
    WYE_EXPECT_ERRC(Errc::exhausted, make_pipe());
}

TEST(Pipe, its_uri_is_checked) {
    WYE_EXPECT_ERRC(Errc::bad_address, open_pair("pipe:/name"));
    WYE_EXPECT_ERRC(Errc::bad_address, open_pair("pipe:?keep"));
    WYE_EXPECT_ERRC(Errc::unsupported, open("pipe:"));
}
