// Whatever errno its man page lists comes out of a call, the first, second ... time it is made: a room that is opened,
// carries messages and is closed again answers with an Error or does its work; nothing crashes, hangs, leaks or stays.
#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <ostream>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
using sys::Call;

struct Faults {
    const char* name;
    Call call;
    std::vector<int> errors;
};

// As the man pages list them, those of section 7 too. The stat calls are bent as one, and so are chmod and fchmodat.
const std::vector<Faults>& table() {
    // clang-format off
#define OF(call, ...) {#call, Call::call, {__VA_ARGS__}}
    // clang-format on
    static const std::vector<Faults> all{
        OF(open, EACCES, EBUSY, EDQUOT, EEXIST, EFBIG, EINTR, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE,
           ENODEV, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENXIO, EPERM, EROFS, ETXTBSY, EAGAIN, EOVERFLOW),
        OF(read, EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, ECONNRESET, ETIMEDOUT),
        OF(readv, EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, ECONNRESET, ETIMEDOUT),
        OF(preadv2, EAGAIN, EBADF, EINTR, EINVAL, EIO, EISDIR, EOPNOTSUPP, ESPIPE),
        OF(pread, EBADF, EINTR, EINVAL, EIO, EISDIR, ENXIO, EOVERFLOW, ESPIPE),
        OF(write, EAGAIN, EBADF, EDQUOT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE, ECONNRESET),
        OF(writev, EAGAIN, EBADF, EDQUOT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE, ECONNRESET),
        OF(pwritev2, EAGAIN, EBADF, EDQUOT, EFBIG, EINTR, EINVAL, EIO, ENOSPC, EPERM, EPIPE, EOPNOTSUPP),
        OF(ppoll, EINTR, EINVAL, ENOMEM),
        OF(fcntl, EACCES, EAGAIN, EBADF, EBUSY, EINTR, EINVAL, EMFILE, EPERM),
        OF(flock, EBADF, EINTR, EINVAL, ENOLCK, EAGAIN),
        OF(ftruncate, EBADF, EFBIG, EINTR, EINVAL, EIO, EPERM),
        OF(lseek, EBADF, EINVAL, ENXIO, EOVERFLOW, ESPIPE),
        OF(fstat, EACCES, EBADF, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EOVERFLOW, EIO),
        OF(unlink, EACCES, EBUSY, EIO, EISDIR, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS),
        OF(chmod, EACCES, EBADF, EIO, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EROFS),
        OF(fchmod, EBADF, EIO, EPERM, EROFS),
        OF(getrlimit, EINVAL, EPERM),
        OF(mkfifo, EACCES, EDQUOT, EEXIST, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR, EROFS),
        OF(pipe2, EINVAL, EMFILE, ENFILE),
        OF(socket, EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT),
        OF(socketpair, EAFNOSUPPORT, EMFILE, ENFILE, EOPNOTSUPP, EPROTONOSUPPORT),
        OF(bind, EACCES, EADDRINUSE, EBADF, EINVAL, EADDRNOTAVAIL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOTDIR, EROFS),
        OF(listen, EADDRINUSE, EBADF, EOPNOTSUPP),
        OF(accept4, EAGAIN, EBADF, ECONNABORTED, EINTR, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO,
           ENETDOWN, EHOSTUNREACH),
        OF(connect, EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EALREADY, EBADF, ECONNREFUSED, EINPROGRESS, EINTR,
           EISCONN, ENETUNREACH, ENOENT, EPROTOTYPE, ETIMEDOUT),
        OF(sendmsg, EACCES, EAGAIN, EALREADY, EBADF, ECONNRESET, ECONNREFUSED, EDESTADDRREQ, EINTR, EINVAL, EISCONN,
           EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, EOPNOTSUPP, EPIPE, ETIMEDOUT),
        OF(recvmsg, EAGAIN, EBADF, ECONNREFUSED, ECONNRESET, EINTR, EINVAL, EIO, ENOMEM, ENOTCONN, ETIMEDOUT),
        OF(getsockopt, EBADF, EINVAL, ENOBUFS, ENOPROTOOPT, ENOTCONN),
        OF(setsockopt, EBADF, EINVAL, ENOMEM, ENOPROTOOPT, EPERM),
        OF(shutdown, EBADF, EINVAL, ENOTCONN),
        OF(msgget, EACCES, EEXIST, ENOENT, ENOMEM, ENOSPC),
        OF(msgsnd, EACCES, EAGAIN, EIDRM, EINTR, EINVAL, ENOMEM),
        OF(msgrcv, E2BIG, EACCES, EAGAIN, EIDRM, EINTR, EINVAL, ENOMSG),
        OF(msgctl, EACCES, EIDRM, EINVAL, EPERM),
        OF(mq_open, EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC),
        OF(mq_send, EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT),
        OF(mq_receive, EAGAIN, EBADF, EINTR, EINVAL, EMSGSIZE, ETIMEDOUT),
        OF(mq_getattr, EBADF, EINVAL),
        OF(mq_unlink, EACCES, ENAMETOOLONG, ENOENT),
        OF(semget, EACCES, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC),
        OF(semop, E2BIG, EACCES, EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ENOMEM, ERANGE),
        OF(semctl, EACCES, EIDRM, EINVAL, EPERM, ERANGE),
        OF(sem_open, EACCES, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM),
        OF(mmap, EACCES, EAGAIN, ENFILE, ENODEV, ENOMEM, EPERM),
        OF(fallocate, EFBIG, EINTR, EIO, ENODEV, ENOSPC, EOPNOTSUPP, EPERM),
        OF(mkdir, EACCES, EDQUOT, ENOSPC, EROFS),
        OF(futex, EAGAIN, EINTR, EINVAL, ETIMEDOUT),
        OF(inotify, EACCES, EBADF, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC),
    };
#undef OF
    return all;
}

// Of a file that is no device, of what is locked without waiting, of a socket that does not block: no signal comes
// there.
constexpr Call not_restarted[] = {Call::open, Call::fcntl, Call::flock, Call::connect};

struct Room {
    std::string name;
    const Mechanism* m;
    std::size_t variant;  // of its scratch addresses
};

void PrintTo(const Room& r, std::ostream* out) { *out << r.name; }

std::vector<Room> rooms() {
    std::vector<Room> all;
    for (const auto* m : mechanisms()) {
        if (!m->open && !m->open_pair && !m->open_semaphore) continue;
        if (m->traits.scheme == "tls") continue;  // its ends wait for each other, and here is one thread: tls_test.cpp
        const auto count = m->open_pair ? 1 : m->scratch ? m->scratch("/nowhere").size() : 0;
        for (std::size_t v = 0; v < count; ++v) {
            auto name = std::string(m->traits.scheme) + (count > 1 ? "_" + std::to_string(v) : "");
            std::ranges::replace(name, '-', '_');
            all.push_back({name, m, v});
        }
    }
    return all;
}

// A round that hangs says which it was.
char now[128];
void hung(int) {
    (void)!::write(2, now, std::strlen(now));
    ::_exit(1);
}

class Injected : public ::testing::TestWithParam<Room> {
protected:
    void SetUp() override { ::signal(SIGALRM, hung); }
    void TearDown() override { ::signal(SIGALRM, SIG_DFL); }

    // Whether the fault was met.
    bool round(const Faults& f, unsigned nth, int error) {
        std::snprintf(now, sizeof now, "%s: %s %u: %s\n", uri.c_str(), f.name, nth, ::strerrorname_np(error));
        SCOPED_TRACE(now);
        const auto before = open_descriptors();
        ::alarm(5);
        opened = done = false;
        const unsigned hits = [&] {
            const sys::Inject fault{{.call = f.call, .nth = nth, .error = error}};
            open_and_carry();
            return fault.hits();
        }();
        ::alarm(0);
        EXPECT_EQ(open_descriptors(), before) << "descriptors are left open";
        EXPECT_TRUE(done || hits > 0);
        EXPECT_TRUE(done || error != EINTR || std::ranges::count(not_restarted, f.call)) << "a signal is no failure";
        const bool there = m.remove && remove(uri, {.dry_run = true});
        if (m.make) {
            EXPECT_EQ(there, opened) << "what an open has made that failed";
        } else if (f.call != Call::fstat && f.call != Call::unlink) {  // with these a socket takes its name away
            EXPECT_FALSE(there) << "the name is left behind";
        }
        EXPECT_EQ(there, m.remove && remove(uri));
        EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
        return hits > 0;
    }

    const Mechanism& m = *GetParam().m;
    TempDir directory;
    std::string uri = m.scratch ? m.scratch(directory.path())[GetParam().variant] : std::string(m.traits.scheme) + ":";

private:
    static constexpr auto patience = 50ms;

    template <class T>
    static bool good(const Result<T>& r) {
        EXPECT_TRUE(r || (!r.error().message().empty() && !name(r.error().kind()).empty()));
        return r.has_value();
    }

    void open_and_carry() {
        if (m.open_pair) {
            auto pair = open_pair(uri);
            if (good(pair)) carry(pair->second, pair->first);
            return;
        }
        if (m.open_semaphore) return open_and_count();
        const bool both = m.traits.duplex;
        auto reader = open(takes(m, "listen") ? with_param(uri, "listen") : uri,
                           {.mode = both ? Mode::both : Mode::read, .create = Create::if_missing}, patience);
        opened = good(reader);
        if (!opened) return;
        auto writer = open(uri, {.mode = both ? Mode::both : Mode::write}, patience);
        if (good(writer)) carry(*writer, *reader);
    }

    void open_and_count() {
        auto one = open_semaphore(uri, {.create = Create::if_missing}, patience);
        opened = good(one);
        if (!opened) return;
        auto other = open_semaphore(uri, {}, patience);
        if (!good(other)) return;
        auto held = one->acquire(patience);
        if (!good(held) || !good(held->release())) return;
        done = good(other->post()) && good(one->wait(patience)) && good(one->value());
    }

    void carry(Channel& from, Channel& to) {
        std::vector<std::byte> room(16384);
        for (const std::size_t size : {5u, 9000u}) {
            const std::string text(std::min(size, from.max_message()), 'x');
            if (!good(from.send(bytes_of(text), patience))) return;
            const auto got = to.recv(room, patience);
            if (!good(got)) return;
            EXPECT_TRUE(text_of(*got) == text) << "another message than was sent, of " << got->size() << " bytes";
        }
        done = true;
    }

    bool opened = false, done = false;  // the end that makes; everything
};

}  // namespace

TEST_P(Injected, whatever_a_call_answers_is_an_error_or_no_matter) {
    unsigned met = 0;
    for (const auto& f : table())
        for (unsigned nth = 1, before = met + 1; before != met; ++nth) {
            before = met;
            for (const int error : f.errors) met += round(f, nth, error);
            if (HasFailure()) return;
        }
    EXPECT_GT(met, 30u);
}

INSTANTIATE_TEST_SUITE_P(Rooms, Injected, ::testing::ValuesIn(rooms()), [](const auto& i) { return i.param.name; });

}  // namespace wye::test
