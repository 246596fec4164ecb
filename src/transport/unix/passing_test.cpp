// Descriptors through a Unix socket: each trap of the kernel, and that none is ever left open.
#include "passing.hpp"

#include "wye/transport/unix.hpp"

#include "support/support.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

using namespace wye;
using namespace std::chrono_literals;
using wye::test::open_descriptors;
using wye::test::TempDir;

namespace {

class Passing : public ::testing::TestWithParam<UnixType> {
protected:
    void SetUp() override { before_ = open_descriptors(); }
    void TearDown() override {
        a.reset();
        b.reset();
        EXPECT_EQ(open_descriptors(), before_) << "descriptors are left open";
    }
    void meet(UnixOptions of_a, UnixOptions of_b) {
        of_a.type = of_b.type = GetParam();
        const auto path = dir_ / "s";
        if (GetParam() == UnixType::dgram) {
            a.emplace(or_throw(UnixSocket::bind(path, of_a)));
            b.emplace(or_throw(UnixSocket::connect(path, of_b)));
            return;
        }
        auto l = or_throw(UnixListener::listen(path, of_a));
        b.emplace(or_throw(UnixSocket::connect(path, of_b)));
        a.emplace(or_throw(l.accept(1s)));
    }
    void meet() { meet({.pass_fds = true}, {.pass_fds = true}); }

    std::optional<UnixSocket> a, b;
    std::byte room[64];
    std::vector<Fd> got;

private:
    TempDir dir_;
    std::vector<int> before_;
};

// The kernel says by this that it is the same open file.
bool same_file(int x, int y) {
    struct stat s{}, t{};
    return ::fstat(x, &s) == 0 && ::fstat(y, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

Fd new_file() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    ::close(ends[1]);
    return Fd(ends[0]);
}

std::size_t sent_by_hand(int socket, std::string_view text, std::span<const int> fds) {
    DescriptorRoom room;
    const auto beside = room.pack(fds);
    iovec v{const_cast<char*>(text.data()), text.size()};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = const_cast<std::byte*>(beside.data());
    m.msg_controllen = beside.size();
    return static_cast<std::size_t>(::sendmsg(socket, &m, MSG_NOSIGNAL));
}

}  // namespace

TEST_P(Passing, they_come_with_their_message_and_close_on_exec) {
    meet();
    const Fd x = new_file(), y = new_file();
    const int both[] = {x.get(), y.get()}, one[] = {y.get()};
    WYE_ASSERT_OK(b->send(bytes_of("none")));
    WYE_ASSERT_OK(b->send_fds(bytes_of("two"), both));
    WYE_ASSERT_OK(b->send(bytes_of("none again")));
    WYE_ASSERT_OK(b->send_fds(bytes_of("one"), one));
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "none");
    EXPECT_EQ(got.size(), 0u);
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "two");
    ASSERT_EQ(got.size(), 2u);
    EXPECT_TRUE(same_file(got[0].get(), x.get()));
    EXPECT_TRUE(same_file(got[1].get(), y.get()));
    for (const auto& f : got) EXPECT_TRUE(::fcntl(f.get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "none again");
    EXPECT_EQ(got.size(), 2u);
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "one");
    ASSERT_EQ(got.size(), 3u);
    EXPECT_TRUE(same_file(got[2].get(), y.get()));
    got.clear();
}

TEST_P(Passing, they_wait_with_a_message_that_was_too_big_for_the_buffer) {
    meet();
    const Fd x = new_file();
    const int one[] = {x.get()};
    WYE_ASSERT_OK(b->send_fds(bytes_of("a longer message"), one));
    WYE_ASSERT_OK(b->send(bytes_of("next")));
    WYE_EXPECT_ERRC(Errc::too_big, a->recv_fds(MutBytes(room).first(4), got, 1s));
    EXPECT_EQ(got.size(), 0u);
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "a longer message");
    EXPECT_EQ(got.size(), 1u);
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "next");
    EXPECT_EQ(got.size(), 1u);
    got.clear();
}

TEST_P(Passing, more_than_the_cap_are_all_closed_and_the_next_message_is_whole) {
    meet();
    const Fd x = new_file();
    const std::vector<int> many(253, x.get());
    WYE_EXPECT_ERRC(Errc::too_big, b->send_fds(bytes_of("five"), std::span(many).first(5)));
    const auto before = open_descriptors();
    const std::string five = GetParam() == UnixType::stream ? std::string("\0\0\0\4five", 8) : "five";
    for (const std::size_t n : {5u, 253u}) {
        ASSERT_EQ(sent_by_hand(b->native_handle(), five, std::span(many).first(n)), five.size());
        WYE_EXPECT_ERRC(Errc::too_big, a->recv_fds(room, got, 1s));
        EXPECT_EQ(open_descriptors(), before);
    }
    WYE_ASSERT_OK(b->send_fds(bytes_of("good"), std::span(many).first(4)));
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "good");
    EXPECT_EQ(got.size(), 4u);
    got.clear();
}

TEST_P(Passing, a_plain_recv_closes_them) {
    meet();
    const Fd x = new_file();
    const int one[] = {x.get()};
    const auto before = open_descriptors();
    for (const bool view : {false, true}) {
        WYE_ASSERT_OK(b->send_fds(bytes_of("with"), one));
        EXPECT_EQ(text_of(or_throw(view ? a->recv_view(1s) : Result<Bytes>(a->recv(room, 1s)))), "with");
        EXPECT_EQ(open_descriptors(), before);
    }
    WYE_ASSERT_OK(b->send_fds(bytes_of("next"), one));
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "next");
    EXPECT_EQ(got.size(), 1u);
    got.clear();
}

TEST_P(Passing, where_passing_is_off_they_never_arrive) {
    meet({}, {.pass_fds = true});
    const Fd x = new_file();
    const int one[] = {x.get()};
    const auto before = open_descriptors();
    WYE_ASSERT_OK(b->send_fds(bytes_of("with"), one));
    EXPECT_EQ(text_of(or_throw(a->recv(room, 1s))), "with");
    EXPECT_EQ(open_descriptors(), before);
    WYE_EXPECT_ERRC(Errc::unsupported, a->recv_fds(room, got, 1s));
    WYE_EXPECT_ERRC(Errc::unsupported, a->send_fds(bytes_of("x"), one));
}

TEST_P(Passing, a_receiver_without_room_says_so_and_is_of_no_use_any_more) {
    meet();
    const Fd x = new_file();
    const int two[] = {x.get(), x.get()};
    const auto before = open_descriptors();
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    std::vector<Fd> filler;
    const rlimit tight{.rlim_cur = static_cast<rlim_t>(before.back() + 2), .rlim_max = limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    for (int fd; (fd = ::dup(x.get())) >= 0;) filler.emplace_back(fd);
    filler.pop_back();  // room for one of the two
    WYE_ASSERT_OK(b->send_fds(bytes_of("two"), two));
    WYE_EXPECT_ERRC(Errc::exhausted, a->recv_fds(room, got, 1s));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    WYE_ASSERT_OK(b->send(bytes_of("more")));
    WYE_EXPECT_ERRC(Errc::exhausted, a->recv_fds(room, got, 1s));
    WYE_EXPECT_ERRC(Errc::exhausted, a->recv(room, 1s));
    EXPECT_EQ(got.size(), 0u);
    filler.clear();
}

TEST_P(Passing, a_message_in_many_parts_with_one_each_does_not_fill_the_table) {
    if (GetParam() != UnixType::stream) GTEST_SKIP() << "of streams";
    meet();
    const Fd x = new_file();
    const int one[] = {x.get()};
    const auto before = open_descriptors();
    // A peer that means harm: 40 bytes of one message, each with a descriptor.
    ASSERT_EQ(sent_by_hand(b->native_handle(), std::string_view("\0\0\0\x28", 4), {}), 4u);
    for (int i = 0; i < 39; ++i) ASSERT_EQ(sent_by_hand(b->native_handle(), "x", one), 1u);
    WYE_EXPECT_ERRC(Errc::timed_out, a->recv_fds(room, got, Deadline::now()));
    EXPECT_LE(open_descriptors().size(), before.size() + 8);
    ASSERT_EQ(sent_by_hand(b->native_handle(), "x", one), 1u);
    WYE_EXPECT_ERRC(Errc::too_big, a->recv_fds(room, got, 1s));
    EXPECT_EQ(open_descriptors(), before);
    WYE_ASSERT_OK(b->send_fds(bytes_of("next"), one));
    EXPECT_EQ(text_of(or_throw(a->recv_fds(room, got, 1s))), "next");
    EXPECT_EQ(got.size(), 1u);
    got.clear();
}

TEST_P(Passing, a_long_message_keeps_its_own) {
    if (GetParam() != UnixType::stream) GTEST_SKIP() << "of streams";
    meet();
    const Fd x = new_file();
    const int one[] = {x.get()};
    const std::string big(1 << 20, 'b');
    wye::test::Child child([&] {
        for (int i = 0; i < 5; ++i)
            EXPECT_TRUE(b->send_fds(bytes_of(big), one, 5s).has_value() &&
                        b->send(bytes_of("between"), 5s).has_value());
        return true;
    });
    std::vector<std::byte> large(1 << 20);
    for (int i = 0; i < 5; ++i) {
        EXPECT_TRUE(text_of(or_throw(a->recv_fds(large, got, 5s))) == big);
        EXPECT_EQ(got.size(), static_cast<std::size_t>(i + 1));
        EXPECT_EQ(text_of(or_throw(a->recv_fds(large, got, 5s))), "between");
        EXPECT_EQ(got.size(), static_cast<std::size_t>(i + 1));
    }
    got.clear();
    EXPECT_TRUE(child.ok());
}

INSTANTIATE_TEST_SUITE_P(Types, Passing, ::testing::Values(UnixType::stream, UnixType::seqpacket, UnixType::dgram),
                         [](const auto& i) {
                             return std::string(i.param == UnixType::stream      ? "stream"
                                                : i.param == UnixType::seqpacket ? "seqpacket"
                                                                                 : "dgram");
                         });
