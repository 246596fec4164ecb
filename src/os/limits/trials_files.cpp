// Running into the limits of descriptors, pipes and what tells of events.
#include "wye/os/fd.hpp"

#include "os/epoll.hpp"
#include "os/limits/calls.hpp"
#include "os/limits/limit.hpp"
#include "os/limits/trials.hpp"

#include <cstring>
#include <string>
#include <vector>

namespace wye::sys::trial {
namespace {

int memfd() {
    return static_cast<int>(call(Call::memfd_create, [] { return ::memfd_create("trial", MFD_CLOEXEC); }));
}
std::uint64_t room(int pipe) { return static_cast<std::uint64_t>(std::max(0L, sys::fcntl(pipe, F_GETPIPE_SZ))); }

// One message that carries `n` times the descriptor 0 of the child.
long pass(int socket, int fd, std::size_t n) {
    std::vector<char> control(CMSG_SPACE(sizeof(int) * n));
    char c = 0;
    iovec v{&c, 1};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = control.data();
    m.msg_controllen = control.size();
    cmsghdr* h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int) * n);
    for (std::size_t i = 0; i < n; ++i) std::memcpy(CMSG_DATA(h) + i * sizeof fd, &fd, sizeof fd);
    return sys::sendmsg(socket, &m, MSG_DONTWAIT);
}

}  // namespace

void pipe_size(Stage& s) {
    int p[2];
    if (sys::pipe2(p, 0) < 0) s.give_up("no pipe");
    const auto most = s.limit().ceiling.here().value_or(1 << 20);
    s.call("fcntl(F_SETPIPE_SZ)", sys::fcntl(p[0], F_SETPIPE_SZ, static_cast<long>(most) + 1),
           "to a byte more than pipe-max-size");
}

void pipe_pages(Stage& s) {
    rlimit l{};
    if (sys::getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        (void)sys::setrlimit(RLIMIT_NOFILE, l);
    }
    const auto most = s.limit().ceiling.here().value_or(0);
    std::uint64_t n = 0, first = 0;
    for (std::uint64_t pages = 0; pages <= most; ++n) {
        int p[2];
        if (const long r = sys::pipe2(p, 0); r < 0) s.give_up("not enough descriptors for so many pipes");
        if (n == 0) first = room(p[0]);
        pages += room(p[0]) / 4096;
        if (first == 0 || room(p[0]) == first) continue;
        s.put({.call = "pipe", .last = n, .remark = "each of " + std::to_string(first) + " bytes"});
        s.put({.call = "pipe",
               .first = n + 1,
               .last = n + 1,
               .remark = "of " + std::to_string(room(p[0])) + " bytes, and no error"});
        s.call("fcntl(F_SETPIPE_SZ)", sys::fcntl(p[0], F_SETPIPE_SZ, static_cast<long>(first)),
               "to what the others have");
        return;
    }
    s.put({.call = "pipe", .last = n});
}

void pipe_full(Stage& s) {
    int p[2];
    if (sys::pipe2(p, O_NONBLOCK) < 0) s.give_up("no pipe");
    const std::vector<char> page(4096);
    s.until("write", 1000, [&](auto) { return sys::write(p[1], page.data(), page.size()); });
}

void descriptors(Stage& s) {
    s.until("open", s.value() + 1, [](auto) { return sys::open("/dev/null", O_RDONLY); });
}

void in_flight(Stage& s) {
    // A socket's own queue is far shorter than a real limit: a new one for each hundred.
    int p[2] = {-1, -1};
    const int fd = static_cast<int>(sys::open("/dev/null", O_RDONLY));
    std::vector<Fd> kept;
    s.until("sendmsg", s.value() + 2, [&](auto i) -> long {
        if (i % 100 == 1) {
            if (const long r = sys::socketpair(AF_UNIX, SOCK_STREAM, p); r < 0) return r;
            kept.emplace_back(p[0]), kept.emplace_back(p[1]);
        }
        return pass(p[0], fd, 1);
    });
}

void in_message(Stage& s) {
    int p[2];
    if (sys::socketpair(AF_UNIX, SOCK_STREAM, p) < 0) s.give_up("no socketpair");
    s.call("sendmsg", pass(p[0], p[1], 253), "with 253 descriptors");
    s.call("sendmsg", pass(p[0], p[1], 254), "with 254");
}

void event_counter(Stage& s) {
    const int e = static_cast<int>(sys::eventfd());
    const std::uint64_t most = UINT64_MAX - 1, one = 1;
    s.call("write", sys::write(e, &most, sizeof most), "of 2^64-2");
    s.call("write", sys::write(e, &one, sizeof one), "of one more");
}

void watch_instances(Stage& s) {
    s.until("inotify_init", s.value() + 1, [](auto) { return sys::inotify_init(); });
}
void watches(Stage& s) {
    const int in = static_cast<int>(sys::inotify_init());
    if (in < 0) s.give_up("no inotify instance");
    static constexpr const char* places[] = {"/", "/proc", "/dev", "/tmp", "/usr", "/etc", "/var", "/sys"};
    s.until("inotify_add_watch", std::size(places),
            [&](auto i) { return sys::inotify_add_watch(in, places[i - 1], IN_CREATE); });
}

void epoll_watches(Stage& s) {
    const int a = static_cast<int>(sys::epoll_create()), b = static_cast<int>(sys::epoll_create());
    s.call("epoll_ctl", sys::epoll_add(a, b), "of another epoll");
    s.call("epoll_ctl", sys::epoll_add(b, a), "of the first in the second");
    s.call("epoll_ctl", sys::epoll_add(a, memfd()), "of a regular file");
}

void rings(Stage& s) {
    const long r = sys::io_uring_setup(256);
    if (r == -ENOSYS || r == -EPERM) s.give_up("io_uring is not allowed here");
    s.call("io_uring_setup", r, "with 256 entries");
}
void contexts(Stage& s) {
    const auto most = s.limit().ceiling.here().value_or(65536);
    s.call("io_setup", sys::io_setup(static_cast<unsigned>(std::min<std::uint64_t>(most + 1, 0x7ffffff))),
           "for one event more than aio-max-nr");
}

void record_locks(Stage& s) {
    const int fd = memfd();
    s.until("fcntl(F_OFD_SETLK)", 64, [&](auto i) {
        struct flock l{};
        l.l_type = F_WRLCK;
        l.l_start = static_cast<off_t>(2 * i);
        l.l_len = 1;
        return sys::fcntl(fd, F_OFD_SETLK, reinterpret_cast<long>(&l));
    });
}

}  // namespace wye::sys::trial
