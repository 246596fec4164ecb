#include "wye/memory/memfd.hpp"

#include "wye/transport/unix.hpp"

#include "os/inject.hpp"
#include "support/stepper.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

using namespace wye;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t size = 16 * 1024;
constexpr unsigned exec_seal = 0x20;

Memfd filled(char c, std::size_t n = size) {
    auto m = or_throw(Memfd::make({.name = "test", .size = n}));
    std::ranges::fill(m.mut_bytes(), static_cast<std::byte>(c));
    return m;
}

Memfd sealed(unsigned seals, std::size_t n = size) {
    auto m = filled('s', n);
    or_throw(m.seal(seals));
    return m;
}

bool all_are(Bytes b, char c) {
    return std::ranges::all_of(b, [&](std::byte x) { return x == static_cast<std::byte>(c); });
}

Fd copy_of(const Memfd& m) { return Fd(::fcntl(m.native_handle(), F_DUPFD_CLOEXEC, 0)); }

bool mapped(int fd) {
    struct stat s{};
    if (::fstat(fd, &s) != 0) return false;
    std::ifstream maps("/proc/self/maps");
    const auto inode = " " + std::to_string(s.st_ino) + " ";
    for (std::string line; std::getline(maps, line);)
        if (line.find(inode) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST(Memfd, sealed_it_goes_to_another_process_which_checks_and_reads_it) {
    const test::TempDir dir;
    const UnixOptions passing{.type = UnixType::seqpacket, .pass_fds = true};
    auto listener = or_throw(UnixListener::listen(dir / "s", passing));
    test::Child receiver([&] {
        auto end = or_throw(UnixSocket::connect(dir / "s", passing, 5s));
        std::byte room[16];
        std::vector<Fd> fds;
        or_throw(end.recv_fds(room, fds, 5s));
        if (fds.size() != 1) return false;
        auto m = or_throw(Memfd::accept(std::move(fds[0]), {.size = size}));
        EXPECT_TRUE(m.mut_bytes().empty());
        EXPECT_TRUE(all_are(m.bytes(), 'm'));
        EXPECT_TRUE(::fcntl(m.native_handle(), F_GETFD) & FD_CLOEXEC);
        return all_are(m.bytes(), 'm') && end.send(bytes_of("read"), 5s).has_value();
    });
    auto end = or_throw(listener.accept(5s));
    {
        auto m = filled('m');
        WYE_ASSERT_OK(m.seal());
        const int fd = m.native_handle();
        WYE_ASSERT_OK(end.send_fds(bytes_of("frame"), {&fd, 1}, 5s));
    }
    std::byte room[16];
    EXPECT_EQ(text_of(or_throw(end.recv(room, 5s))), "read");
    EXPECT_TRUE(receiver.ok());
}

TEST(Memfd, a_maker_killed_at_any_system_call_hands_over_all_or_nothing) {
    if (!test::may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const test::TempDir dir;
    const UnixOptions passing{.type = UnixType::seqpacket, .pass_fds = true};
    auto listener = or_throw(UnixListener::listen(dir / "s", passing));
    std::optional<UnixSocket> out;
    const auto connect = [&] { out.emplace(or_throw(UnixSocket::connect(dir / "s", passing, 10s))); };
    const auto hand_over = [&] {
        auto m = filled('m');
        (void)m.seal();
        const int fd = m.native_handle();
        (void)out->send_fds(bytes_of("frame"), {&fd, 1}, 10s);
    };
    unsigned with = 0, without = 0;
    for (long n = 1;; ++n) {
        test::Stepped maker(connect, hand_over);
        auto end = or_throw(listener.accept(10s));
        if (maker.step_calls(n) < n) break;
        maker.kill();
        std::byte room[16];
        std::vector<Fd> fds;
        if (const auto got = end.recv_fds(room, fds, 10s); !got) {
            ++without;
            EXPECT_TRUE(got.error().is(Errc::closed) || got.error().is(Errc::peer_died)) << got.error().message();
            EXPECT_TRUE(fds.empty());
            continue;
        }
        ++with;
        ASSERT_EQ(fds.size(), 1u);
        const auto m = Memfd::accept(std::move(fds[0]), {.size = size});
        ASSERT_TRUE(m.has_value()) << "killed at stop " << n << ": " << m.error().message();
        EXPECT_TRUE(all_are(m->bytes(), 'm')) << "killed at stop " << n;
    }
    EXPECT_GT(with, 0u);
    EXPECT_GT(without, 5u);
}

TEST(Memfd, frozen_nobody_changes_it_its_maker_neither) {
    auto m = filled('a');
    WYE_ASSERT_OK(m.seal(Seals::frozen));
    EXPECT_TRUE(m.mut_bytes().empty());
    EXPECT_TRUE(all_are(m.bytes(), 'a'));
    EXPECT_EQ(::pwrite(m.native_handle(), "x", 1, 0), -1);
    EXPECT_EQ(::ftruncate(m.native_handle(), 0), -1);
    EXPECT_EQ(::ftruncate(m.native_handle(), 2 * size), -1);
    EXPECT_EQ(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, m.native_handle(), 0), MAP_FAILED);
    WYE_EXPECT_ERRC(Errc::denied, m.seal(Seals::frozen));
    EXPECT_TRUE(all_are(m.bytes(), 'a'));
    EXPECT_EQ(or_throw(m.seals()) & ~exec_seal, Seals::frozen);
}

TEST(Memfd, with_one_writer_its_maker_writes_and_all_others_read) {
    auto m = filled('a');
    WYE_ASSERT_OK(m.seal(Seals::one_writer));
    auto reader = or_throw(Memfd::accept(copy_of(m), {.seals = Seals::one_writer}));
    EXPECT_TRUE(reader.mut_bytes().empty());
    m.mut_bytes()[0] = std::byte{'b'};
    EXPECT_EQ(reader.bytes()[0], std::byte{'b'});
    EXPECT_EQ(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, reader.native_handle(), 0), MAP_FAILED);
    EXPECT_EQ(::pwrite(reader.native_handle(), "x", 1, 0), -1);
}

TEST(Memfd, of_fixed_size_both_write) {
    auto m = sealed(Seals::fixed_size);
    auto peer = or_throw(Memfd::accept(copy_of(m), {.seals = Seals::fixed_size, .size = size}));
    peer.mut_bytes()[7] = std::byte{'p'};
    EXPECT_EQ(m.bytes()[7], std::byte{'p'});
    // A descriptor that was opened for reading only.
    Fd reading(::open(("/proc/self/fd/" + std::to_string(m.native_handle())).c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_TRUE(or_throw(Memfd::accept(std::move(reading), {.seals = Seals::fixed_size})).mut_bytes().empty());
}

TEST(Memfd, freezing_is_refused_while_another_has_it_mapped_to_write) {
    auto m = filled('a');
    void* other = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, m.native_handle(), 0);
    ASSERT_NE(other, MAP_FAILED);
    WYE_EXPECT_ERRC(Errc::busy, m.seal(Seals::frozen));
    ASSERT_EQ(m.mut_bytes().size(), size) << "and it is as it was";
    m.mut_bytes()[0] = std::byte{'b'};
    EXPECT_EQ(static_cast<char*>(other)[0], 'b');
    ::munmap(other, size);
    WYE_ASSERT_OK(m.seal(Seals::frozen));
    EXPECT_EQ(m.bytes()[0], std::byte{'b'});
}

// P6: the peer that cuts it off is told no, and the reader reads on.
TEST(Memfd, a_peer_that_tries_to_cut_it_off_cannot) {
    for (const unsigned seals : {Seals::frozen, Seals::one_writer, Seals::fixed_size}) {
        const auto m = sealed(seals, 1 << 20);
        test::Child vandal([&] {
            unsigned refused = 0;
            for (int i = 0; i < 2000; ++i) refused += ::ftruncate(m.native_handle(), i % 3 * 4096) != 0;
            refused += ::fallocate(m.native_handle(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20) != 0;
            return refused == 2000u + (seals == Seals::fixed_size ? 0u : 1u);
        });
        const auto reader = or_throw(Memfd::accept(copy_of(m), {.seals = seals}));
        for (int i = 0; i < 5; ++i)
            EXPECT_LE(std::ranges::count(reader.bytes(), std::byte{'s'}), 1 << 20);  // touches every page: no SIGBUS
        EXPECT_TRUE(vandal.ok());
    }
}

// Without the seals it does: what the seals are for.
TEST(Memfd, unsealed_a_peer_can_cut_it_off_and_the_touch_is_sigbus) {
    const auto m = filled('u');
    ASSERT_EQ(::ftruncate(m.native_handle(), 0), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::signal(SIGBUS, SIG_DFL);
        const volatile std::byte* p = m.bytes().data();
        (void)p[size - 1];
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

// U6
TEST(Memfd, whatever_else_is_handed_over_is_a_mismatch_and_is_not_mapped) {
    const test::TempDir dir;
    int pipe_ends[2], sockets[2];
    ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC), 0);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
    std::ofstream(dir / "file") << std::string(size, 'x');
    const auto by_path = [&](const std::string& path, int flags) {
        return ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    };
    const auto m = sealed(Seals::frozen);
    const auto self = "/proc/self/fd/" + std::to_string(m.native_handle());
    const auto shm = by_path("/dev/shm", O_RDWR | O_TMPFILE);
    ASSERT_EQ(shm < 0 ? 0 : ::ftruncate(shm, size), 0);
    const auto sealable = [](std::size_t n, unsigned seals) {
        const int fd = ::memfd_create("raw", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(n)), 0);
        EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, static_cast<int>(seals)), 0);
        return fd;
    };
    const int plain = ::memfd_create("plain", MFD_CLOEXEC);
    ASSERT_EQ(::ftruncate(plain, size), 0);
    const struct {
        const char* what;
        int fd;
        MemfdExpect expect = {.size = size};
    } wrong[] = {
        {"a FIFO", by_path(dir / "fifo", O_RDWR)},
        {"a pipe", pipe_ends[0]},
        {"a socket", sockets[0]},
        {"a directory", by_path(dir.path(), O_RDONLY)},
        {"a device", by_path("/dev/zero", O_RDWR)},
        {"an eventfd", ::eventfd(0, EFD_CLOEXEC)},
        {"an epoll", ::epoll_create1(EPOLL_CLOEXEC)},
        {"a plain file", by_path(dir / "file", O_RDWR)},
        {"a file of a tmpfs", shm},
        {"a memfd that allows no seals", plain},
        {"a memfd without seals", sealable(size, 0)},
        {"one seal too few", sealable(size, Seals::fixed_size & ~Seals::shrink)},
        {"one that may be written", sealable(size, Seals::fixed_size)},
        {"one seal too many", sealable(size, Seals::frozen | Seals::future_write)},
        {"seals that may be added to", sealable(size, Seals::frozen & ~Seals::seal)},
        {"too small", sealable(size - 1, Seals::frozen)},
        {"too large", sealable(size + 1, Seals::frozen)},
        {"empty", sealable(0, Seals::frozen), {}},
        {"huge and sparse", sealable(std::size_t{1} << 40, Seals::frozen), {}},
        {"only a path", by_path(self, O_PATH)},
        {"closed", -1},
    };
    const auto before = test::open_descriptors().size();
    for (const auto& w : wrong) {
        const sys::Inject nothing{
            {.call = sys::Call::mmap, .error = ENOTRECOVERABLE}};  // mapping would be another error
        const auto r = Memfd::accept(Fd(::fcntl(w.fd, F_DUPFD_CLOEXEC, 0)), w.expect);
        SCOPED_TRACE(w.what);
        WYE_EXPECT_ERRC(Errc::mismatch, r);
        EXPECT_EQ(nothing.hits(), 0u);
        EXPECT_FALSE(w.fd >= 0 && mapped(w.fd) && w.fd != m.native_handle() && w.what != std::string("only a path"));
    }
    EXPECT_EQ(test::open_descriptors().size(), before) << "what was refused is closed";
    for (const auto& w : wrong)
        if (w.fd >= 0) ::close(w.fd);
    ::close(pipe_ends[1]), ::close(sockets[1]);
    WYE_EXPECT_ERRC(Errc::unsupported, Memfd::accept(copy_of(m), {.seals = Seals::write}));
    WYE_ASSERT_OK(Memfd::accept(copy_of(m), {.size = size}));
}

TEST(Memfd, no_room_is_exhausted_and_no_descriptor_is_left) {
    const auto before = test::open_descriptors();
    for (const auto call : {sys::Call::fallocate, sys::Call::madvise, sys::Call::memfd_create, sys::Call::mmap}) {
        const sys::Inject fault{{.call = call, .error = call == sys::Call::madvise ? EFAULT : ENOMEM}};
        WYE_EXPECT_ERRC(Errc::exhausted, Memfd::make({.size = size}));
        EXPECT_EQ(fault.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::exhausted, Memfd::make({.size = SIZE_MAX}));
    WYE_EXPECT_ERRC(Errc::bad_address, Memfd::make({}));
    EXPECT_EQ(test::open_descriptors(), before);
}

TEST(Memfd, on_a_kernel_without_the_seal_against_execution_it_works_too) {
    const sys::Inject fault{{.call = sys::Call::memfd_create, .error = EINVAL}};
    auto m = or_throw(Memfd::make({.size = size}));
    EXPECT_EQ(fault.hits(), 1u);
    WYE_ASSERT_OK(m.seal());
    EXPECT_EQ(or_throw(m.seals()) & ~exec_seal, Seals::frozen);
    WYE_ASSERT_OK(Memfd::accept(copy_of(m)));
}
