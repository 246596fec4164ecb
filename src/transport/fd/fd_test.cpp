#include "wye/transport/fd.hpp"

#include "wye/registry/open.hpp"

#include "support/support.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <fstream>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;

namespace {

struct RawPipe {
    RawPipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
    ~RawPipe() {
        for (const int fd : ends) ::close(fd);
    }
    int ends[2];
};

std::string uri(int fd, const std::string& rest = "") { return "fd:" + std::to_string(fd) + rest; }

struct Sockets {
    explicit Sockets(int type) { EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0); }
    ~Sockets() {
        for (const int fd : ends) ::close(fd);
    }
    int ends[2];
};

}  // namespace

TEST(FdStream, both_ends_of_an_inherited_pipe_are_adopted_and_the_originals_stay) {
    const RawPipe p;
    const auto before = open_descriptors();
    {
        auto r = or_throw(wye::open(uri(p.ends[0]), {.mode = Mode::read}));
        auto w = or_throw(wye::open(uri(p.ends[1]), {.mode = Mode::write}));
        WYE_ASSERT_OK(w.send(bytes_of("hello")));
        std::byte room[64];
        EXPECT_EQ(text_of(or_throw(r.recv(room, 1s))), "hello");
        EXPECT_EQ(::fcntl(r.native_handle(), F_GETFD), FD_CLOEXEC);
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_EQ(::write(p.ends[1], "x", 1), 1);
}

TEST(FdStream, a_pair_reads_from_the_first_and_writes_to_the_second) {
    const RawPipe in, out;
    const auto pair = uri(in.ends[0], "," + std::to_string(out.ends[1]) + "?framing=lines");
    auto c = or_throw(wye::open(pair));
    ASSERT_EQ(::write(in.ends[1], "asked\n", 6), 6);
    std::byte room[64];
    EXPECT_EQ(text_of(or_throw(c.recv(room, 1s))), "asked");
    WYE_ASSERT_OK(c.send(bytes_of("answered")));
    char got[64];
    ASSERT_EQ(::read(out.ends[0], got, sizeof got), 9);
    EXPECT_EQ(std::string_view(got, 9), "answered\n");
    auto only = or_throw(wye::open(pair, {.mode = Mode::read}));
    ASSERT_EQ(::write(in.ends[1], "again\n", 6), 6);
    EXPECT_EQ(text_of(or_throw(only.recv(room, 1s))), "again");
}

TEST(FdStream, a_descriptor_that_is_not_open_is_named) {
    const auto r = wye::open("fd:987", {.mode = Mode::read});
    WYE_EXPECT_ERRC(Errc::mismatch, r);
    EXPECT_NE(r.error().message().find("987: is not open"), std::string::npos) << r.error().message();
}

TEST(FdStream, the_direction_it_was_opened_in_is_checked) {
    const RawPipe p;
    WYE_EXPECT_ERRC(Errc::mismatch, wye::open(uri(p.ends[0]), {.mode = Mode::write}));
    WYE_EXPECT_ERRC(Errc::mismatch, wye::open(uri(p.ends[1]), {.mode = Mode::read}));
    WYE_EXPECT_ERRC(Errc::mismatch, FdStream::adopt(p.ends[1], p.ends[0]));
    // Open for one way: asked for both, it serves that one.
    WYE_EXPECT_ERRC(Errc::closed, or_throw(wye::open(uri(p.ends[0]))).send(bytes_of("x"), 1s));
    const int dir = ::open("/", O_RDONLY | O_CLOEXEC), path = ::open("/dev/null", O_PATH | O_CLOEXEC);
    for (const int fd : {dir, path}) {
        WYE_EXPECT_ERRC(Errc::mismatch, wye::open(uri(fd), {.mode = Mode::read}));
        ::close(fd);
    }
}

TEST(FdStream, sockets_with_messages_of_their_own_are_refused) {
    for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Sockets s(type);
        WYE_EXPECT_ERRC(Errc::mismatch, wye::open(uri(s.ends[0])));
    }
    const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un nameless{.sun_family = AF_UNIX, .sun_path = {}};  // the kernel picks an abstract name
    ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&nameless), sizeof(sa_family_t)), 0);
    ASSERT_EQ(::listen(listening, 1), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, wye::open(uri(listening)));
    ::close(listening);
}

TEST(FdStream, bad_addresses_name_the_part) {
    for (const auto* bad :
         {"fd:", "fd:x", "fd:-1", "fd:1,", "fd:,1", "fd:1,2,3", "fd:99999999999", "fd:3?listen", "fd:3#1"})
        WYE_EXPECT_ERRC(Errc::bad_address, wye::open(bad));
}

TEST(FdStream, the_non_blocking_flag_is_never_touched_and_either_works) {
    for (const bool nonblocking : {false, true}) {
        const RawPipe p;
        for (const int fd : p.ends) ::fcntl(fd, F_SETFL, nonblocking ? O_NONBLOCK : 0);
        auto w = or_throw(wye::open(uri(p.ends[1]), {.mode = Mode::write}));
        auto r = or_throw(wye::open(uri(p.ends[0]), {.mode = Mode::read}));
        Child child([&] {
            for (int i = 0; i < 50; ++i)
                if (!w.send(bytes_of(std::string(10'000, 'x')))) return false;
            return true;
        });
        std::vector<std::byte> room(10'000);
        for (int i = 0; i < 50; ++i) WYE_ASSERT_OK(r.recv(room));
        WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, 20ms));
        WYE_EXPECT_ERRC(Errc::timed_out, r.recv(room, Deadline::now()));
        EXPECT_TRUE(child.ok());
        for (const int fd : p.ends) EXPECT_EQ((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, nonblocking);
    }
}

TEST(FdStream, a_stream_socket_goes_both_ways_and_closing_for_writing_reaches_the_peer) {
    for (const bool pair : {false, true}) {
        const Sockets s(SOCK_STREAM);
        const Fd again(::fcntl(s.ends[0], F_DUPFD_CLOEXEC, 3));  // as 0 and 1 of a service are
        auto a = or_throw(wye::open(pair ? uri(s.ends[0], "," + std::to_string(again.get())) : uri(s.ends[0])));
        auto b = or_throw(wye::open(uri(s.ends[1])));
        std::byte room[64];
        WYE_ASSERT_OK(a.send(bytes_of("ping")));
        EXPECT_EQ(text_of(or_throw(b.recv(room, 1s))), "ping");
        WYE_ASSERT_OK(a.close_write());
        WYE_EXPECT_ERRC(Errc::closed, b.recv(room, 1s));
        WYE_ASSERT_OK(b.send(bytes_of("pong")));
        EXPECT_EQ(text_of(or_throw(a.recv(room, 1s))), "pong");
    }
}

TEST(FdStream, a_file_is_read_to_its_end_and_written) {
    const TempDir dir;
    std::ofstream(dir / "f") << "one\ntwo\nlast without an end";
    const int fd = ::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC);
    {
        auto r = or_throw(wye::open(uri(fd, "?framing=lines"), {.mode = Mode::read}));
        std::byte room[64];
        for (const auto* line : {"one", "two", "last without an end"})
            EXPECT_EQ(text_of(or_throw(r.recv(room, 1s))), line);
        WYE_EXPECT_ERRC(Errc::closed, r.recv(room, 1s));
    }
    ::close(fd);
    const int out = ::open((dir / "g").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    {
        auto w = or_throw(wye::open(uri(out, "?framing=nul"), {.mode = Mode::write}));
        WYE_ASSERT_OK(w.send(bytes_of("a"), 1s));
        WYE_ASSERT_OK(w.send(bytes_of("b")));
    }
    ::close(out);
    std::string got{std::istreambuf_iterator<char>(std::ifstream(dir / "g").rdbuf()), {}};
    EXPECT_EQ(got, std::string("a\0b\0", 4));
}

TEST(FdStream, a_terminal_is_read_by_lines) {
    const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal < 0 || ::grantpt(terminal) != 0 || ::unlockpt(terminal) != 0)
        GTEST_SKIP() << "no pseudo terminals here";
    const int line = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(line, 0);
    auto c = or_throw(wye::open(uri(line, "?framing=lines")));
    std::byte room[64];
    WYE_EXPECT_ERRC(Errc::timed_out, c.recv(room, 20ms));
    ASSERT_EQ(::write(terminal, "typed\n", 6), 6);
    EXPECT_EQ(text_of(or_throw(c.recv(room, 1s))), "typed");
    WYE_ASSERT_OK(c.send(bytes_of("shown"), 1s));
    ASSERT_EQ(::write(terminal, "\x04", 1), 1);
    WYE_EXPECT_ERRC(Errc::closed, c.recv(room, 1s));
    ::close(line);
    ::close(terminal);
}

TEST(FdStream, a_pipe_without_a_reader_is_closed_and_raises_no_sigpipe) {
    const RawPipe p;
    Child child([&] {
        auto w = or_throw(wye::open(uri(p.ends[1]), {.mode = Mode::write}));
        ::close(p.ends[0]);
        ::usleep(50'000);
        WYE_EXPECT_ERRC(Errc::closed, w.send(bytes_of("x")));
        return true;
    });
    ::close(p.ends[0]);
    EXPECT_TRUE(child.ok());
}
