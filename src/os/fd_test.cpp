#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/syscall.hpp"
#include "support/support.hpp"

#include <fcntl.h>

using namespace wye;

namespace {
Fd null_fd() { return Fd(static_cast<int>(sys::open("/dev/null", O_RDWR))); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
}  // namespace

TEST(Fd, closes_what_it_owns_and_nothing_else) {
    int a, b;
    {
        Fd x = null_fd(), y = null_fd();
        a = x.get(), b = y.get();
        x = std::move(y);
        EXPECT_FALSE(is_open(a)) << "assigned over";
        EXPECT_TRUE(is_open(b));
        EXPECT_TRUE(y == nullptr);
    }
    EXPECT_FALSE(is_open(b));
    Fd z = null_fd();
    const int given = z.release();
    z.reset();
    EXPECT_TRUE(is_open(given));
    Fd(given).reset();
}

TEST(Fd, assigning_it_to_itself_keeps_it) {
    Fd x = null_fd();
    auto& same = x;
    x = std::move(same);
    EXPECT_TRUE(is_open(x.get()));
}

TEST(Syscalls, every_descriptor_is_close_on_exec) {
    int p[2], s[2];
    ASSERT_EQ(sys::pipe2(p, 0), 0);
    ASSERT_EQ(sys::socketpair(AF_UNIX, SOCK_STREAM, s), 0);
    const Fd all[] = {null_fd(), Fd(p[0]), Fd(p[1]),
                      Fd(s[0]),  Fd(s[1]), Fd(static_cast<int>(sys::socket(AF_UNIX, SOCK_STREAM, 0)))};
    for (const auto& fd : all) EXPECT_TRUE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC);
}

TEST(Errno, is_classified_by_the_reaction_it_calls_for) {
    EXPECT_EQ(sys::classify(EAGAIN), Errc::timed_out);
    EXPECT_EQ(sys::classify(EPIPE), Errc::closed);
    EXPECT_EQ(sys::classify(ECONNRESET), Errc::peer_died);
    EXPECT_EQ(sys::classify(ECONNREFUSED), Errc::not_found);
    EXPECT_EQ(sys::classify(EMFILE), Errc::exhausted);
    EXPECT_EQ(sys::classify(EIO), Errc::failed);
    for (int e = 1; e < 140; ++e) EXPECT_GE(static_cast<int>(sys::classify(e)), 1) << e;
    EXPECT_EQ(sys::error(-ENOENT, "open", "/x").message(), "open(\"/x\"): No such file or directory");
}

TEST(Fork, a_child_has_marks_and_a_generation_of_its_own) {
    const auto mark = sys::unique_mark();
    const auto generation = sys::fork_generation();
    EXPECT_NE(mark, sys::unique_mark());
    int ends[2];
    ASSERT_EQ(sys::pipe2(ends, 0), 0);
    const Fd in(ends[0]), out(ends[1]);
    test::Child child([&] {
        const auto m = sys::unique_mark();
        return sys::fork_generation() != generation && sys::write(out.get(), &m, sizeof m) == sizeof m;
    });
    EXPECT_TRUE(child.ok());
    std::uint64_t theirs = 0;
    ASSERT_EQ(sys::read(in.get(), &theirs, sizeof theirs), 8);
    for (int i = 0; i < 100; ++i) EXPECT_NE(sys::unique_mark(), theirs);
    EXPECT_EQ(sys::fork_generation(), generation);
}
