// Moving bytes on kernels that lack one thing or another: each fallback is made to run.
#include "os/transfer.hpp"

#include "wye/base/bytes.hpp"

#include "os/inject.hpp"
#include "os/wait.hpp"
#include "support/support.hpp"

#include <csignal>
#include <cstring>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;
using sys::Call;

namespace {

struct Pipe {
    Fd in, out;
    Port reading{}, writing{};
    Pipe() {
        int p[2];
        if (sys::pipe2(p, 0) < 0) std::abort();
        in = Fd(p[0]);
        out = Fd(p[1]);
    }
    Result<std::size_t> read(MutBytes b, Deadline d) {
        const iovec v{b.data(), b.size()};
        return sys::read_some(in.get(), reading, &v, 1, d);
    }
    Result<std::size_t> write(Bytes b, Deadline d) {
        const iovec v{const_cast<std::byte*>(b.data()), b.size()};
        return sys::write_some(out.get(), writing, &v, 1, d);
    }
};

constexpr sys::Fault no_preadv2{.call = Call::preadv2, .times = 1'000'000, .error = EOPNOTSUPP};
constexpr sys::Fault no_pwritev2{.call = Call::pwritev2, .times = 1'000'000, .error = EOPNOTSUPP};
constexpr sys::Fault no_twin{.call = Call::open, .times = 1'000'000, .error = ENOENT};

// What every fallback owes, whatever the kernel has.
void keeps_its_word(const char* what) {
    SCOPED_TRACE(what);
    Pipe p;
    std::byte room[100];
    // Nothing there: now() is at once, a deadline is kept and slept through.
    auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, p.read(room, Deadline::now()));
    EXPECT_LT(Deadline::Clock::now() - start, 15ms);
    start = Deadline::Clock::now();
    const auto cpu = test::cpu_time();
    WYE_EXPECT_ERRC(Errc::timed_out, p.read(room, 60ms));
    EXPECT_GE(Deadline::Clock::now() - start, 59ms);
    EXPECT_LT(Deadline::Clock::now() - start, 150ms);
    EXPECT_LT(test::cpu_time() - cpu, 20ms);
    // Bytes go through.
    EXPECT_EQ(or_throw(p.write(bytes_of("hello"), 1s)), 5u);
    EXPECT_EQ(or_throw(p.read(room, 1s)), 5u);
    EXPECT_EQ(std::memcmp(room, "hello", 5), 0);
    // Fill it: a full pipe is a deadline too, also for a small write that must not be split.
    const std::vector<std::byte> much(1 << 20);
    std::size_t filled = 0;
    for (;;) {
        auto n = p.write(much, Deadline::now());
        if (!n) {
            EXPECT_TRUE(n.error().is(Errc::timed_out)) << n.error().message();
            break;
        }
        filled += *n;
    }
    EXPECT_GE(filled, 4096u);
    start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, p.write(Bytes(much).first(100), 40ms));
    EXPECT_LT(Deadline::Clock::now() - start, 130ms);
    // A reader makes room while we wait.
    std::thread reader([&] {
        std::this_thread::sleep_for(20ms);
        std::vector<std::byte> all(filled);
        EXPECT_TRUE(p.read(all, 1s));
    });
    EXPECT_TRUE(p.write(Bytes(much).first(100), 5s));
    reader.join();
    EXPECT_FALSE(::fcntl(p.in.get(), F_GETFL) & O_NONBLOCK) << "the description is shared with strangers";
    EXPECT_FALSE(::fcntl(p.out.get(), F_GETFL) & O_NONBLOCK);
    // Without a reader: an error, and no signal.
    p.reading.release();
    p.in.reset();
    WYE_EXPECT_ERRC(Errc::closed, p.write(bytes_of("x"), 1s));
    WYE_EXPECT_ERRC(Errc::closed, p.write(bytes_of("x"), Deadline::now()));
    WYE_EXPECT_ERRC(Errc::closed, p.write(bytes_of("x"), Deadline::never()));
    sigset_t pending;
    sigpending(&pending);
    EXPECT_FALSE(sigismember(&pending, SIGPIPE));
}

}  // namespace

// SIGPIPE has its default action here: were it raised, this program would be gone.
TEST(Transfer, on_this_kernel) { keeps_its_word("as it is"); }

TEST(Transfer, the_end_is_a_read_of_nothing) {
    Pipe p;
    p.out.reset();
    std::byte room[4];
    for (const auto d : {Deadline::never(), Deadline(1s), Deadline::now()}) EXPECT_EQ(or_throw(p.read(room, d)), 0u);
}

// Each in a process of its own: what was learnt of the kernel stays learnt.
TEST(Transfer, without_RWF_NOWAIT_a_non_blocking_twin_is_opened) {
    test::Child child([] {
        const sys::Inject bent{no_preadv2, no_pwritev2};
        keeps_its_word("twin");
        return bent.hits() > 0;
    });
    EXPECT_TRUE(child.ok());
}

TEST(Transfer, without_proc_either_a_timer_cuts_the_blocking_call_short) {
    test::Child child([] {
        const sys::Inject bent{no_preadv2, no_pwritev2, no_twin};
        keeps_its_word("timer");
        return bent.hits() > 2;
    });
    EXPECT_TRUE(child.ok());
}

TEST(Transfer, a_kernel_without_RWF_NOSIGNAL_raises_no_SIGPIPE_either) {
    test::Child child([] {
        // The first refusal is about RWF_NOSIGNAL; from then on RWF_NOWAIT alone is asked for, and had.
        const sys::Inject bent{{.call = Call::pwritev2, .nth = 1, .times = 1, .error = EOPNOTSUPP}};
        keeps_its_word("signal blocked");
        return bent.hits() == 1;
    });
    EXPECT_TRUE(child.ok());
}

TEST(Transfer, a_SIGPIPE_that_was_pending_before_stays_pending) {
    test::Child child([] {
        sigset_t pipe, pending;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        sigprocmask(SIG_BLOCK, &pipe, nullptr);
        raise(SIGPIPE);
        const sys::Inject bent{no_pwritev2};
        Pipe p;
        p.in.reset();
        WYE_EXPECT_ERRC(Errc::closed, p.write(bytes_of("x"), Deadline::never()));
        sigpending(&pending);
        sigset_t mask;
        sigprocmask(SIG_BLOCK, nullptr, &mask);
        return sigismember(&pending, SIGPIPE) && sigismember(&mask, SIGPIPE);
    });
    EXPECT_TRUE(child.ok());
}

TEST(Transfer, a_small_write_is_whole_or_not_at_all) {
    Pipe p;
    std::vector<std::byte> page(4096);
    // Fill the pipe to its last page with pages, then less than a page of room: nothing of a page goes.
    while (p.write(page, Deadline::now())) {}
    std::byte few[100];
    ASSERT_EQ(or_throw(p.read(few, 1s)), 100u);
    WYE_EXPECT_ERRC(Errc::timed_out, p.write(page, 20ms));
}

TEST(Transfer, a_regular_file_and_a_device_are_other_kinds) {
    test::TempDir dir;
    Fd file(static_cast<int>(sys::open((dir / "f").c_str(), O_RDWR | O_CREAT, 0600)));
    Port port;
    const iovec v{const_cast<char*>("data"), 4};
    EXPECT_EQ(or_throw(sys::write_some(file.get(), port, &v, 1, 1s)), 4u);
    EXPECT_EQ(port.kind, Port::Kind::other);
    ::lseek(file.get(), 0, SEEK_SET);
    char back[4];
    const iovec w{back, 4};
    EXPECT_EQ(or_throw(sys::read_some(file.get(), port, &w, 1, Deadline::now())), 4u);
    EXPECT_EQ(or_throw(sys::read_some(file.get(), port, &w, 1, Deadline::never())), 0u);
}

TEST(Transfer, a_reader_that_leaves_in_the_middle_of_a_write_raises_no_signal_on_an_old_kernel) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    test::Child writer([&] {
        ::signal(SIGPIPE, SIG_DFL);
        ::close(ends[0]);
        const sys::Inject old_kernel{{.call = sys::Call::pwritev2, .times = 1000, .error = EOPNOTSUPP}};
        const std::vector<std::byte> much(1 << 20);
        const iovec v{const_cast<std::byte*>(much.data()), much.size()};
        Port port;
        const auto part = sys::write_some(ends[1], port, &v, 1, Deadline::never());
        EXPECT_TRUE(part && *part < much.size()) << "it was cut off half way";
        WYE_EXPECT_ERRC(Errc::closed, sys::write_some(ends[1], port, &v, 1, Deadline::never()));
        return old_kernel.hits() > 0;
    });
    ::close(ends[1]);
    char some[10000];
    ASSERT_GT(::read(ends[0], some, sizeof some), 0);
    ::usleep(20000);  // the writer waits in the middle of its write
    ::close(ends[0]);
    EXPECT_TRUE(writer.ok());
}
