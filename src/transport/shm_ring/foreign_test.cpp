// Subscribers of other users, and such as mean harm: none holds the publisher up, and none changes what others read.
#include "transport/shm_ring/publisher_test.hpp"
#include "transport/shm_ring/sealed.hpp"

#include <grp.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <random>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

constexpr uid_t stranger = 65534;

bool become_stranger(gid_t group = stranger) {
    return ::setgroups(1, &group) == 0 && ::setresgid(stranger, stranger, stranger) == 0 &&
           ::setresuid(stranger, stranger, stranger) == 0;
}

/// Connects, and takes what it is given, knowing nothing of the library.
struct Raw {
    Fd socket;
    Fd lane, page;

    explicit Raw(const std::string& path) : socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        path.copy(a.sun_path, sizeof a.sun_path - 1);
        if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) socket.reset();
    }
    bool take() {
        shm::Greeting words;
        shm::GreetingRoom room(words);
        if (::recvmsg(socket.get(), &room.m, MSG_CMSG_CLOEXEC) != sizeof words || !CMSG_FIRSTHDR(&room.m)) return false;
        int fds[2];
        std::memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&room.m)), sizeof fds);
        lane = Fd(fds[0]), page = Fd(fds[1]);
        return true;
    }
    /// 0, or why not.
    int send(std::span<const int> fds) const {
        char byte = 'x';
        iovec v{&byte, 1};
        alignas(cmsghdr) std::array<char, 2048> room{};
        msghdr h{};
        h.msg_iov = &v, h.msg_iovlen = 1;
        if (!fds.empty()) {
            h.msg_control = room.data(), h.msg_controllen = CMSG_SPACE(fds.size_bytes());
            auto* c = CMSG_FIRSTHDR(&h);
            c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(fds.size_bytes());
            std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
        }
        return ::sendmsg(socket.get(), &h, MSG_DONTWAIT | MSG_NOSIGNAL) == 1 ? 0 : errno;
    }
    std::uint32_t* words() const {
        void* at = ::mmap(nullptr, shm::page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, page.get(), 0);
        return at == MAP_FAILED ? nullptr : static_cast<std::uint32_t*>(at);
    }
};

/// What each way of changing the publisher's memory gives; "" when it gave nothing.
std::string changes(const Raw& r, std::size_t size, bool foreign) {
    std::string all;
    const auto refused = [&](const char* what, bool failed, std::initializer_list<int> with) {
        const int e = errno;
        if (failed && std::ranges::find(with, e) != with.end()) return;
        all += std::string(what) + (failed ? ": errno " + std::to_string(e) : ": went through") + "\n";
    };
    const auto map = [&](int fd, int protection) { return ::mmap(nullptr, size, protection, MAP_SHARED, fd, 0); };
    const int fd = r.lane.get();
    refused("map to write", map(fd, PROT_READ | PROT_WRITE) == MAP_FAILED, {EPERM});
    refused("write", ::pwrite(fd, "x", 1, 800) < 0, {EPERM});
    refused("shorten", ::ftruncate(fd, 100) != 0, {EPERM});
    refused("lengthen", ::ftruncate(fd, static_cast<off_t>(size) * 2) != 0, {EPERM});
    refused("punch", ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0, {EPERM});
    refused("unseal", ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0, {EPERM});
    void* view = map(fd, PROT_READ);
    if (view == MAP_FAILED) return all + "cannot even be read\n";
    refused("mprotect", ::mprotect(view, size, PROT_READ | PROT_WRITE) != 0, {EACCES});
    refused("MADV_REMOVE", ::madvise(view, 4096, MADV_REMOVE) != 0, {EACCES, EPERM, EINVAL});
    const int again = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_CLOEXEC);
    if (foreign)
        refused("open again", again < 0, {EACCES, EPERM});
    else if (again < 0)
        all += "its owner could not open it again: the next line would prove nothing\n";
    if (again >= 0) {
        refused("open again and map", map(again, PROT_READ | PROT_WRITE) == MAP_FAILED, {EPERM});
        refused("open again and punch", ::fallocate(again, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) != 0,
                {EPERM});
        ::close(again);
    }
    for (const auto& change : {std::pair("shorten the page", off_t{0}), {"lengthen the page", off_t{1} << 20}})
        refused(change.first, ::ftruncate(r.page.get(), change.second) != 0, {EPERM});
    return all;
}

TEST(ShmForeign, another_user_reads_everything_whole_and_changes_nothing) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
    const Meeting m({.mode = 0666});
    ASSERT_EQ(::chmod(m.dir.path().c_str(), 0711), 0);
    std::optional pub(m.publisher());
    Child reader([&] {
        if (!become_stranger()) return false;
        auto s = m.subscribe();
        std::uint64_t n = 0;
        return s && read_all(*s, n) == Errc::closed && n == 3000 && s->lost() == 0;
    });
    Child changer([&] {
        if (!become_stranger()) return false;
        Raw r(m.path);
        if (!r.take()) return false;
        const auto what = changes(r, shm::sealed_bytes(m.how.bytes / ring::granule), true);
        EXPECT_EQ(what, "");
        return what.empty();
    });
    admit(*pub, 2);
    EXPECT_TRUE(changer.ok());
    for (std::uint64_t i = 0; i < 3000; i += 100) {
        WYE_ASSERT_OK(send_numbers(*pub, i, i + 100));
        std::this_thread::sleep_for(1ms);
    }
    pub.reset();
    EXPECT_TRUE(reader.ok());
}

TEST(ShmForeign, nor_does_one_of_the_same_user) {
    const Meeting m;
    auto pub = m.publisher();
    Raw r(m.path);
    ASSERT_EQ(pub.admit(5s).value_or(0), 1u);
    ASSERT_TRUE(r.take());
    EXPECT_EQ(changes(r, shm::sealed_bytes(m.how.bytes / ring::granule), false), "");
    auto s = m.subscriber(pub);
    WYE_ASSERT_OK(send_numbers(pub, 0, 10));
    std::uint64_t n = 0;
    EXPECT_EQ(read_all(s, n, Deadline::now()), Errc::timed_out);
    EXPECT_EQ(n, 10u);
}

TEST(ShmForeign, the_paths_mode_and_group_are_who_may_subscribe) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root becomes another user";
    const auto subscribes = [](const ShmPublishOptions& how, gid_t group) {
        const Meeting m(how);
        ::chmod(m.dir.path().c_str(), 0711);
        const auto before = ::umask(0027);  // must not matter
        auto pub = m.publisher();
        ::umask(before);
        Child c([&] {
            if (!become_stranger(group)) return false;
            const auto s = m.subscribe();
            if (!s && !s.error().is(Errc::denied)) return false;
            return s.has_value();
        });
        for (int i = 0; i < 10 && pub.subscribers() == 0; ++i) (void)pub.admit(50ms);
        const bool in = c.ok();
        EXPECT_EQ(pub.subscribers(), in ? 1u : 0u);
        EXPECT_TRUE(in || c.exit_code() == 1);
        return in;
    };
    EXPECT_FALSE(subscribes({}, 4242));
    EXPECT_FALSE(subscribes({.mode = 0660}, 4242));
    EXPECT_TRUE(subscribes({.mode = 0660, .group = "4242"}, 4242));
    EXPECT_FALSE(subscribes({.mode = 0660, .group = "4243"}, 4242));
    EXPECT_FALSE(subscribes({.mode = 0600, .group = "4242"}, 4242));
    EXPECT_TRUE(subscribes({.mode = 0666}, 4242));
}

TEST(ShmForeign, a_page_that_says_anything_all_the_time_harms_nobody_else) {
    const Meeting m;
    auto pub = m.publisher();
    auto honest = m.subscriber(pub);
    Raw r(m.path);
    ASSERT_EQ(pub.admit(5s).value_or(0), 1u);
    ASSERT_TRUE(r.take());
    auto* words = r.words();
    ASSERT_NE(words, nullptr);
    std::atomic<bool> stop = false;
    std::thread liar([&] {
        std::mt19937 numbers(7);
        const auto any = [&] { return static_cast<std::uint32_t>(numbers()); };
        while (!stop) {
            for (std::size_t i = 0; i < 64; ++i) __atomic_store_n(words + i, any(), __ATOMIC_RELAXED);
            __atomic_store_n(words, any() | 1, __ATOMIC_RELAXED);
            if (any() % 1000 == 0) (void)::fallocate(r.page.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
        }
    });
    std::uint64_t n = 0, sent = 0;
    const auto begin = cpu_time();
    const auto calls = sys::count();
    const Deadline enough = 20s;
    const auto believed = [&] { return sys::count() - calls > 1000; };
    for (; (sent < 30000 || !believed()) && !enough.passed(); sent += 100) {
        if (!send_numbers(pub, sent, sent + 100)) break;
        if (read_all(honest, n, Deadline::now()) != Errc::timed_out) break;
    }
    const auto took = cpu_time() - begin;
    stop = true;
    liar.join();
    EXPECT_TRUE(believed()) << "it was never asked to wake: this proves nothing";
    EXPECT_GE(sent, 30000u);
    EXPECT_EQ(n, sent);
    EXPECT_EQ(honest.lost(), 0u);
    // A system call a message at the most, into a socket that is full.
    EXPECT_LT(took / sent, under_asan || under_tsan ? 200us : 50us);
    EXPECT_EQ(pub.subscribers(), 2u);
}

TEST(ShmForeign, who_is_silent_or_says_what_nobody_asked_for_is_let_alone) {
    const Meeting m;
    auto pub = m.publisher();
    const auto fds = open_descriptors().size();
    {
        const Raw silent(m.path), talker(m.path);
        while (talker.send({}) == 0) {}  // before it is let in, to the brim
        auto honest = m.subscriber(pub);
        EXPECT_EQ(pub.subscribers(), 3u);
        WYE_ASSERT_OK(send_numbers(pub, 0, 100));
        std::uint64_t n = 0;
        EXPECT_EQ(read_all(honest, n, Deadline::now()), Errc::timed_out);
        EXPECT_EQ(n, 100u);
    }
    EXPECT_EQ(pub.admit().value_or(9), 0u);
    EXPECT_EQ(pub.subscribers(), 0u);
    EXPECT_EQ(open_descriptors().size(), fds);
}

/// A TCP socket whose last close takes so long: what it sent is not taken, and it lingers.
Fd lingering(std::chrono::seconds time, std::vector<Fd>& others) {
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    auto* at = reinterpret_cast<sockaddr*>(&a);
    Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(listener.get(), at, n) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), at, &n) != 0 || ::connect(out.get(), at, n) != 0)
        return {};
    others.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::vector<char> much(1 << 16);
    while (::send(out.get(), much.data(), much.size(), MSG_DONTWAIT) > 0) {}
    const linger l{.l_onoff = 1, .l_linger = static_cast<int>(time.count())};
    if (::setsockopt(out.get(), SOL_SOCKET, SO_LINGER, &l, sizeof l) != 0) return {};
    return out;
}

TEST(ShmForeign, descriptors_never_reach_the_publisher_nor_what_closing_them_would_take) {
    const Meeting m;
    auto pub = m.publisher();
    int now = 1;
    socklen_t n = sizeof now;
    if (::getsockopt(pub.native_handle(), SOL_SOCKET, SO_PASSRIGHTS, &now, &n) != 0)
        GTEST_SKIP() << "the kernel is older than 6.16: it takes descriptors for whoever listens";
    EXPECT_EQ(now, 0);
    std::optional<Raw> r(m.path);
    std::vector<Fd> others;
    {
        const auto slow = lingering(20s, others);
        const int fd = slow.get();
        ASSERT_GE(fd, 0);
        EXPECT_EQ(r->send({&fd, 1}), EPERM) << "before it is let in";
        ASSERT_EQ(pub.admit(5s).value_or(0), 1u);
        EXPECT_EQ(r->send({&fd, 1}), EPERM);
        const std::vector<int> many(100, 0);
        EXPECT_EQ(r->send(many), EPERM);
        const linger none{.l_onoff = 1, .l_linger = 0};
        (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    EXPECT_TRUE(r->take());
    r.reset();
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(pub.admit().value_or(9), 0u);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
    EXPECT_EQ(pub.subscribers(), 0u);
}

TEST(ShmForeign, a_storm_of_visitors_leaves_nothing) {
    const Meeting m({.most_subscribers = 8});
    auto pub = m.publisher();
    auto honest = m.subscriber(pub);
    const auto fds = open_descriptors().size();
    std::uint64_t n = 0, sent = 0;
    for (int round = 0; round < 50; ++round) {
        {
            std::vector<Raw> all;
            for (int i = 0; i < 20; ++i) all.emplace_back(m.path);
            for (int i = 0; i < 3; ++i) WYE_ASSERT_OK(pub.admit());
            EXPECT_EQ(pub.subscribers(), 8u);
        }
        WYE_ASSERT_OK(send_numbers(pub, sent, sent + 10));
        sent += 10;
        EXPECT_EQ(read_all(honest, n, Deadline::now()), Errc::timed_out);
    }
    WYE_ASSERT_OK(pub.admit());
    EXPECT_EQ(pub.subscribers(), 1u);
    EXPECT_EQ(n, sent);
    EXPECT_EQ(open_descriptors().size(), fds);
}

TEST(ShmForeign, without_a_free_descriptor_nobody_comes_in_and_nobody_suffers) {
    const Meeting m;
    Child c([&] {
        auto pub = m.publisher();
        auto honest = m.subscriber(pub);
        const Raw r(m.path);
        std::vector<Fd> all;
        const rlimit few{64, 64};
        if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return false;
        for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) all.emplace_back(fd);
        const auto begin = std::chrono::steady_clock::now();
        const auto came = pub.admit();
        if (came || !came.error().is(Errc::exhausted)) return false;
        if (std::chrono::steady_clock::now() - begin > 500ms) return false;
        std::uint64_t n = 0;
        if (!send_numbers(pub, 0, 5000) || read_all(honest, n, Deadline::now()) != Errc::timed_out || n != 5000)
            return false;
        all.clear();
        return pub.admit().value_or(0) == 1;
    });
    EXPECT_TRUE(c.ok());
}

}  // namespace
