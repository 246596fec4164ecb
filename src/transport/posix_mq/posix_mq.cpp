// A POSIX message queue.
#include "wye/transport/posix_mq.hpp"

#include <cstring>

#include "os/directory.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"
#include "wye/base/text.hpp"

namespace wye {
namespace {

constexpr timespec past{};  // mq_timed* take the settable clock; a time long gone makes one try and no wait

Result<> check_name(const std::string& name) {
    if (name.size() >= 2 && name.size() <= 255 && name[0] == '/' && name.find('/', 1) == std::string::npos && name != "/." && name != "/..") return {};
    return refuse(Errc::bad_address, "\"" + name + "\" is no queue name: one slash, then 1 to 254 others; write it as /jobs");
}

long limit_of(const char* path) {
    const auto text = sys::read_text(path);
    const auto n = text ? parse_number(std::string_view(*text).substr(0, text->find('\n'))) : std::nullopt;
    return n ? static_cast<long>(*n) : -1;
}

// EINVAL of mq_open says nothing; which limit it was can be asked.
Error open_failed(long r, const std::string& name, const PosixMqOptions& o) {
    struct Bound { const char* path; long wanted; const char* what; };
    const Bound bounds[] = {{"/proc/sys/fs/mqueue/msg_max", o.depth, "depth"}, {"/proc/sys/fs/mqueue/msgsize_max", o.message_size, "size"}};
    if (r == -EINVAL && o.create != Create::never)
        for (const auto& b : bounds)
            if (const long limit = limit_of(b.path); b.wanted <= 0 || (limit > 0 && b.wanted > limit))
                return Error::saying(b.wanted <= 0 ? Errc::bad_address : Errc::exhausted,
                                     "mq_open(\"" + name + "\"): " + b.what + " " + std::to_string(b.wanted) + " is not from 1 to " + std::to_string(limit) + " (" + b.path + ")");
    if (r == -EMFILE)
        return Error::saying(Errc::exhausted, "mq_open(\"" + name + "\"): too many descriptors, or this user's queues reach RLIMIT_MSGQUEUE (ulimit -q): " +
                                                  std::to_string(o.depth) + " messages of " + std::to_string(o.message_size) + " bytes were asked for");
    if (r == -ENOSPC) return Error::saying(Errc::exhausted, "mq_open(\"" + name + "\"): the machine has all the queues it may (/proc/sys/fs/mqueue/queues_max)");
    return sys::error(r, "mq_open", name);
}

}  // namespace

Result<PosixMq> PosixMq::open(const std::string& name, PosixMqOptions o) {
    WYE_CHECK(check_name(name));
    const int access = o.mode == Mode::read ? O_RDONLY : o.mode == Mode::write ? O_WRONLY : O_RDWR;
    mq_attr wanted{};
    wanted.mq_maxmsg = o.depth;
    wanted.mq_msgsize = o.message_size;
    long r = -ENOENT;
    bool made = false;
    for (int tries = 0; tries < 100; ++tries) {  // made and removed by others between our two steps
        if (o.create != Create::exclusive) r = sys::mq_open(name.c_str(), access, 0, nullptr);
        if (r != -ENOENT || o.create == Create::never) break;
        r = sys::mq_open(name.c_str(), access | O_CREAT | O_EXCL, o.permissions, &wanted);
        made = r >= 0;
        if (r != -EEXIST || o.create == Create::exclusive) break;
    }
    if (r < 0) return std::unexpected(open_failed(r, name, o));
    Fd fd(static_cast<int>(r));
    mq_attr is{};
    // The umask took bits away.
    long done = made ? sys::fchmod(fd.get(), o.permissions) : 0;
    if (done == 0) done = sys::mq_getattr(fd.get(), &is);
    if (done < 0) {
        if (made) (void)sys::mq_unlink(name.c_str());
        return sys::fail(done, "mq_open", name);
    }
    return PosixMq(std::move(fd), static_cast<std::size_t>(is.mq_msgsize));
}

Result<> PosixMq::remove(const std::string& name) {
    WYE_CHECK(check_name(name));
    const long r = sys::mq_unlink(name.c_str());
    return r < 0 ? Result<>(sys::fail(r, "mq_unlink", name)) : Result<>();
}

Result<> PosixMq::send(Bytes message, Meta meta, Deadline deadline) {
    if (message.size() > message_size_) return fail(Errc::too_big, "send");
    if (meta.priority > 32767) return refuse(Errc::unsupported, "priority " + std::to_string(meta.priority) + ": a POSIX queue has 0 to 32767");
    if (meta.type != 0) return refuse(Errc::unsupported, "a POSIX queue has priorities, not types");
    for (;;) {
        const long r = sys::mq_send(fd_.get(), reinterpret_cast<const char*>(message.data()), message.size(), meta.priority, deadline.is_never() ? nullptr : &past);
        if (r == 0) return {};
        if (r == -EINTR && !deadline.passed()) continue;
        if (r != -ETIMEDOUT && r != -EAGAIN && r != -EINTR) return sys::fail(r, "mq_send");
        if (deadline.is_now()) return fail(Errc::timed_out, "send");
        WYE_CHECK(sys::wait_ready(fd_.get(), POLLOUT, deadline));
    }
}

Result<std::size_t> PosixMq::take(std::byte* into, unsigned& priority, Deadline deadline) {
    for (;;) {
        const long r = sys::mq_receive(fd_.get(), reinterpret_cast<char*>(into), message_size_, &priority, deadline.is_never() ? nullptr : &past);
        if (r >= 0) return static_cast<std::size_t>(r);
        if (r == -EINTR && !deadline.passed()) continue;
        if (r != -ETIMEDOUT && r != -EAGAIN && r != -EINTR) return sys::fail(r, "mq_receive");
        if (deadline.is_now()) return fail(Errc::timed_out, "recv");
        WYE_CHECK(sys::wait_ready(fd_.get(), POLLIN, deadline));
    }
}

Result<MutBytes> PosixMq::recv(MutBytes into, Meta& meta, Deadline deadline) {
    if (meta.type != 0) return refuse(Errc::unsupported, "a POSIX queue has priorities, not types");
    if (!holds_ && into.size() >= message_size_) {
        WYE_TRY(const auto n, take(into.data(), meta.priority, deadline));
        return into.first(n);
    }
    // The kernel demands room for the largest message, whatever comes.
    if (!room_) room_ = std::make_unique_for_overwrite<std::byte[]>(message_size_);
    if (!holds_) {
        WYE_TRY(held_, take(room_.get(), held_priority_, deadline));
        holds_ = true;
    }
    if (held_ > into.size()) return fail(Errc::too_big, "recv");
    if (held_ > 0) std::memcpy(into.data(), room_.get(), held_);
    holds_ = false;
    meta.priority = held_priority_;
    return into.first(held_);
}

Result<std::size_t> PosixMq::waiting() const {
    mq_attr a{};
    if (const long r = sys::mq_getattr(fd_.get(), &a); r < 0) return sys::fail(r, "mq_getattr");
    return static_cast<std::size_t>(a.mq_curmsgs) + (holds_ ? 1 : 0);
}

// ---------------------------------------------------------------- notification

namespace {

constexpr std::size_t cookie_size = 32;  // NOTIFY_COOKIE_LEN of the kernel; its last byte comes back as the reason

// The kernel writes the cookie to a netlink socket: what glibc builds SIGEV_THREAD on, without the thread.
Result<> ask(int queue, int netlink) {
    static const char cookie[cookie_size] = "wye";
    sigevent e{};
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_signo = netlink;
    e.sigev_value.sival_ptr = const_cast<char*>(cookie);
    const long r = sys::mq_notify(queue, &e);
    return r < 0 ? Result<>(sys::fail(r, "mq_notify")) : Result<>();
}

}  // namespace

Result<> PosixMq::notify_signal(int signal) {
    sigevent e{};
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = signal;
    const long r = sys::mq_notify(fd_.get(), &e);
    return r < 0 ? Result<>(sys::fail(r, "mq_notify")) : Result<>();
}

Result<> PosixMq::notify_cancel() {
    const long r = sys::mq_notify(fd_.get(), nullptr);
    return r < 0 ? Result<>(sys::fail(r, "mq_notify")) : Result<>();
}

Result<PosixMq::Notice> PosixMq::notify_descriptor() {
    const long r = sys::socket(AF_NETLINK, SOCK_RAW, 0);
    if (r < 0) return sys::fail(r, "socket");
    Notice n;
    n.fd_ = Fd(static_cast<int>(r));
    n.queue_ = fd_.get();
    WYE_CHECK(ask(n.queue_, n.fd_.get()));
    return n;
}

Result<bool> PosixMq::Notice::rearm() {
    char cookie[cookie_size];
    iovec v{cookie, sizeof cookie};
    msghdr m{};
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    const long r = sys::recvmsg(fd_.get(), &m, MSG_DONTWAIT);
    if (r == -EAGAIN) return false;
    if (r < 0) return sys::fail(r, "recvmsg");
    WYE_CHECK(ask(queue_, fd_.get()));
    return true;
}

// ---------------------------------------------------------------- the room's table

namespace {

constexpr std::string_view example = "posix-mq:/jobs?depth=10&size=8K";
constexpr Param params[] = {{"depth", "N", "messages it holds, when it is made (default 10)"},
                            {"size", "SIZE", "largest message, when it is made (default 8K)"}};

Result<PosixMqOptions> options_of(const Uri& uri, const OpenOptions& how) {
    PosixMqOptions o{.mode = how.mode, .create = how.create, .permissions = how.permissions};
    WYE_TRY(const auto depth, uri.number("depth", 10));
    WYE_TRY(const auto size, uri.size("size", 8192));
    if (depth == 0 || depth > 65536) return uri.refuse("depth must be from 1 to 65536", example);
    if (size == 0 || size > (16u << 20)) return uri.refuse("size must be from 1 to 16M", example);
    o.depth = static_cast<long>(depth);
    o.message_size = static_cast<long>(size);
    return o;
}

Result<std::string> name_of(const Uri& uri) {
    std::string name(uri.address());
    if (auto r = check_name(name); !r) return uri.refuse("\"" + name + "\" is no queue name (one slash, in front)", example);
    return name;
}

Result<PosixMq> open_queue(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto name, name_of(uri));
    WYE_TRY(const auto o, options_of(uri, how));
    return PosixMq::open(name, o);
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(auto q, open_queue(uri, how));
    return Channel(std::move(q));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    auto q = open_queue(uri, how);
    return q ? Result<>() : std::unexpected(q.error());
}

Result<> remove(const Uri& uri) {
    WYE_TRY(const auto name, name_of(uri));
    return PosixMq::remove(name);
}

// The kernel names its queues only through a mount of mqueue.
Result<> list(Visit<Object> visit) {
    return sys::each_entry("/dev/mqueue", [&](const std::string& name, const struct stat& s) {
        if (S_ISREG(s.st_mode)) visit({.uri = "posix-mq:/" + percent_encode(name), .owner = s.st_uid, .mode = s.st_mode & 07777u});
    });
}

std::vector<std::string> scratch(const std::string&) { return {"posix-mq:/wye-" + std::to_string(sys::unique_mark())}; }

}  // namespace

const Mechanism posix_mq_mechanism{
    .traits = PosixMq::traits,
    .summary = "whole messages with priorities, kept by the kernel",
    .example = example,
    .params = params,
    .open = open,
    .make = make,
    .remove = remove,
    .list = list,
    .scratch = scratch,
};

}  // namespace wye
