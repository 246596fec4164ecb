// The sums against what this process has made, and against what the kernel says itself.
#include "os/usage/usage.hpp"

#include "wye/os/fd.hpp"

#include "os/epoll.hpp"
#include "os/usage/namespace.hpp"
#include "os/usage/proc_text.hpp"
#include "os/usage/queues.hpp"
#include "os/usage/sockets.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

using namespace wye;
using namespace wye::sys;

namespace {

ProcessUse self(const Usage& u) {
    for (const auto& p : u.processes)
        if (p.pid == ::getpid()) return p;
    ADD_FAILURE() << "this process is not in it";
    return {};
}
UserUse mine(const Usage& u) {
    const auto found = u.users.find(::getuid());
    return found == u.users.end() ? UserUse{} : found->second;
}
Usage look() {
    auto u = look_at_usage();
    EXPECT_TRUE(u) << u.error().message();
    return u ? *u : Usage{};
}
// A user namespace counts a user's bytes from 0, and makes no file for whom it does not know.
bool alone() {
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    const auto put = [](const char* file, const std::string& text) {
        return (std::ofstream(file) << text).flush().good();
    };
    return ::unshare(CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWNS) == 0 && put("/proc/self/setgroups", "deny") &&
           put("/proc/self/uid_map", "0 " + user + " 1") && put("/proc/self/gid_map", "0 " + group + " 1");
}

}  // namespace

TEST(Usage, sees_this_process_as_it_is) {
    const auto p = self(look());
    EXPECT_EQ(p.user, ::getuid());
    ASSERT_TRUE(p.descriptors);
    // The pass itself has the directory open that it reads.
    EXPECT_NEAR(static_cast<double>(*p.descriptors), static_cast<double>(test::open_descriptors().size()), 5);
    rlimit l{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &l), 0);
    EXPECT_EQ(soft_limit(p.limits, "Max open files"), l.rlim_cur);
    EXPECT_GT(p.maps.value_or(0), 10u);
}

// Other tests of this user run beside: what is made is at least there, and what one process holds is exact.
TEST(Usage, counts_what_is_made_and_a_copy_once) {
    const auto before = self(look()).descriptors.value_or(0);
    const auto old = mine(look());
    std::vector<Fd> kept;
    for (int i = 0; i < 300; ++i) {
        int p[2];
        ASSERT_EQ(sys::pipe2(p, 0), 0);
        kept.emplace_back(p[0]), kept.emplace_back(p[1]);
    }
    for (int i = 0; i < 20; ++i) {
        kept.emplace_back(static_cast<int>(sys::inotify_init()));
        ASSERT_GE(sys::inotify_add_watch(kept.back().get(), "/", IN_CREATE), 0);
        ASSERT_GE(sys::inotify_add_watch(kept.back().get(), "/proc", IN_CREATE), 0);
    }
    const Fd epoll(static_cast<int>(sys::epoll_create()));
    for (int i = 0; i < 600; ++i) ASSERT_EQ(sys::epoll_add(epoll.get(), kept[static_cast<std::size_t>(i)].get()), 0);
    test::Child copy([] { return ::pause() != 0; });  // has all of them as well
    const auto u = look();
    EXPECT_EQ(self(u).descriptors.value_or(0), before + kept.size() + 1);
    const auto now = mine(u);
    EXPECT_GE(now.pipes, 300u);
    EXPECT_LT(now.pipes, old.pipes + 590);
    EXPECT_GE(now.inotify, 20u);
    EXPECT_GE(now.inotify_watches, 40u);
    EXPECT_GE(now.epoll_watches, 600u);
    // kcmp(2) asks for the right to trace: without it a copy counts again, as the header says.
    if (::syscall(SYS_kcmp, ::getpid(), copy.pid(), 0, epoll.get(), epoll.get()) == 0) {
        EXPECT_LT(now.inotify, old.inotify + 40);
        EXPECT_LT(now.epoll_watches, old.epoll_watches + 1200);
    }
}

TEST(Usage, sees_descriptors_that_lie_in_a_socket) {
    int p[2];
    ASSERT_EQ(sys::socketpair(AF_UNIX, SOCK_STREAM, p), 0);
    const Fd a(p[0]), b(p[1]);
    char c = 0, control[CMSG_SPACE(sizeof(int) * 7)] = {};
    iovec v{&c, 1};
    msghdr m{};
    m.msg_iov = &v, m.msg_iovlen = 1, m.msg_control = control, m.msg_controllen = sizeof control;
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int) * 7);
    for (int i = 0; i < 7; ++i) std::memcpy(CMSG_DATA(h) + sizeof(int) * static_cast<unsigned>(i), &p[0], sizeof(int));
    ASSERT_EQ(sys::sendmsg(a.get(), &m, 0), 1);
    std::ostringstream info;
    info << std::ifstream("/proc/self/fdinfo/" + std::to_string(b.get())).rdbuf();
    if (info.str().find("scm_fds") == std::string::npos) GTEST_SKIP() << "this kernel does not tell";
    EXPECT_GE(mine(look()).in_flight, 7u);
}

TEST(Queues, charged_is_what_the_kernel_charges) {
    // The smallest RLIMIT_MSGQUEUE that lets such a queue be made.
    struct Case {
        long most, size;
    };
    for (const auto& [most, size] : {Case{10, 8192}, Case{1, 1}, Case{7, 100}}) {
        const auto bytes =
            QueueUse{.most = static_cast<std::uint64_t>(most), .size = static_cast<std::uint64_t>(size)}.charged();
        for (const auto room : {bytes, bytes - 1}) {
            test::Child child([&] {
                if (!alone()) ::_exit(77);
                const rlimit l{room, room};
                if (::setrlimit(RLIMIT_MSGQUEUE, &l) != 0) ::_exit(77);
                mq_attr a{};
                a.mq_maxmsg = most, a.mq_msgsize = size;
                const long q = sys::mq_open("/wye-charged", O_CREAT | O_RDWR, 0600, &a);
                return room == bytes ? q >= 0 : q == -EMFILE;
            });
            const bool good = child.ok();
            if (child.exit_code() == 77) GTEST_SKIP() << "no ipc namespace for this user";
            EXPECT_TRUE(good) << most << " x " << size << " with " << room;
        }
    }
}

TEST(Queues, are_seen_without_a_mount) {
    test::Child child([] {
        if (!alone()) ::_exit(77);
        mq_attr a{};
        a.mq_maxmsg = 4, a.mq_msgsize = 16;
        const long q = sys::mq_open("/wye-seen", O_CREAT | O_RDWR, 0600, &a);
        timespec past{};
        if (q < 0 || sys::mq_send(static_cast<int>(q), "hello", 5, 0, &past) < 0) return false;
        const auto seen = look_at_queues();
        if (!seen) ::_exit(77);
        return seen->size() == 1 && (*seen)[0].name == "/wye-seen" && (*seen)[0].known && (*seen)[0].most == 4 &&
               (*seen)[0].size == 16 && (*seen)[0].messages == 1 && (*seen)[0].user == ::geteuid();
    });
    const bool good = child.ok();
    if (child.exit_code() == 77) GTEST_SKIP() << "no ipc namespace for this user, or no detached mounts";
    EXPECT_TRUE(good);
}

TEST(Sockets, a_listener_that_does_not_accept) {
    const Fd to(static_cast<int>(sys::socket(AF_INET, SOCK_STREAM, 0))),
        from(static_cast<int>(sys::socket(AF_INET, SOCK_STREAM, 0)));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t n = sizeof a;
    ASSERT_EQ(sys::bind(to.get(), reinterpret_cast<sockaddr*>(&a), n), 0);
    ASSERT_EQ(sys::getsockname(to.get(), reinterpret_cast<sockaddr*>(&a), &n), 0);
    ASSERT_EQ(sys::listen(to.get(), 7), 0);
    ASSERT_EQ(sys::connect(from.get(), reinterpret_cast<sockaddr*>(&a), n), 0);
    const auto name = "tcp 127.0.0.1:" + std::to_string(ntohs(a.sin_port));
    const auto u = look_at_sockets(1, 65535);
    if (!u) GTEST_SKIP() << u.error().message();
    const auto l = std::ranges::find(u->listeners, name, &Listener::name);
    ASSERT_NE(l, u->listeners.end());
    EXPECT_EQ(l->waiting, 1u);
    EXPECT_EQ(l->backlog, 7u);
    const auto d = std::ranges::find(u->destinations, name, &Destination::name);
    ASSERT_NE(d, u->destinations.end());
    EXPECT_EQ(d->connections, 1u);
}

TEST(Sockets, a_unix_listener_by_its_name) {
    const Fd to(static_cast<int>(sys::socket(AF_UNIX, SOCK_STREAM, 0))),
        from(static_cast<int>(sys::socket(AF_UNIX, SOCK_STREAM, 0)));
    const auto name = test::unique_name("limits");
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    ASSERT_EQ(sys::bind(to.get(), reinterpret_cast<sockaddr*>(&a), size), 0);
    ASSERT_EQ(sys::listen(to.get(), 5), 0);
    ASSERT_EQ(sys::connect(from.get(), reinterpret_cast<sockaddr*>(&a), size), 0);
    const auto u = look_at_sockets(1, 0);
    if (!u) GTEST_SKIP() << u.error().message();
    const auto l = std::ranges::find(u->listeners, "unix @" + name, &Listener::name);
    ASSERT_NE(l, u->listeners.end());
    EXPECT_EQ(l->waiting, 1u);
    EXPECT_EQ(l->backlog, 5u);
}

TEST(Namespaces, a_thread_looks_from_inside_and_we_stay_here) {
    int ready[2];
    ASSERT_EQ(sys::pipe2(ready, 0), 0);
    const Fd in(ready[0]);
    Fd out(ready[1]);
    test::Child other([&] {
        if (::unshare(CLONE_NEWIPC) != 0 || sys::msgget(IPC_PRIVATE, IPC_CREAT | 0600) < 0) ::_exit(77);
        (void)sys::write(out.get(), "x", 1);
        return ::pause() != 0;
    });
    out.reset();
    pollfd p{.fd = in.get(), .events = POLLIN, .revents = 0};
    timespec wait{.tv_sec = 5, .tv_nsec = 0};
    if (sys::ppoll(&p, 1, &wait) != 1 || !(p.revents & POLLIN)) GTEST_SKIP() << "no ipc namespace for this user";
    std::size_t there = 0;
    const auto rows = [] {
        std::ostringstream s;
        s << std::ifstream("/proc/sysvipc/msg").rdbuf();
        const auto text = s.str();
        return Columns(text).rows();
    };
    std::ifstream before("/proc/sysvipc/msg");
    WYE_ASSERT_OK(in_namespaces("/proc/" + std::to_string(other.pid()) + "/ns/ipc", "", [&] { there = rows(); }));
    EXPECT_EQ(there, 1u);
    const auto u = look();
    EXPECT_GE(u.ipc.size(), 2u);
}
