// A POSIX message queue. Its descriptor is opened blocking, and never changed: who it is shared with might mind.
#include "wye/transport/posix_mq.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

namespace wye {
namespace {

const std::string limits = "/proc/sys/fs/mqueue/";
constexpr timespec past{};  // for one try: mq_timed* go by the settable clock, so their deadlines are not ours

std::string wrong_name(std::string_view name) {
    if (name.empty() || name[0] != '/') return "a queue's name begins with '/'";
    const auto rest = name.substr(1);
    if (rest.empty() || rest == "." || rest == "..") return "no name after the '/'";
    if (rest.find('/') != std::string_view::npos) return "a queue's name has one '/', at its beginning";
    if (rest.find('\0') != std::string_view::npos) return "a queue's name has no zero byte";
    if (rest.size() > 255) return "a queue's name has at most 255 bytes after the '/'";
    return {};
}

int access(Mode m) noexcept { return m == Mode::read ? O_RDONLY : m == Mode::write ? O_WRONLY : O_RDWR; }

// What was asked for but is above what this user may have. Root is bounded by the kernel's own limits alone.
std::optional<Error> above_limit(const std::string& name, const PosixMqOptions& o) {
    const auto over = [&](std::size_t asked, const char* what, const char* file) -> std::optional<Error> {
        const auto most = sys::read_number(limits + file);
        if (!most || asked <= *most) return {};
        return Error::saying(Errc::exhausted, "mq_open(\"" + name + "\"): " + what + "=" + std::to_string(asked) +
                                                  " is above the limit " + std::to_string(*most) + " in " + limits +
                                                  file);
    };
    if (auto e = over(o.depth, "depth", "msg_max")) return e;
    return over(o.message_size, "size", "msgsize_max");
}

// EMFILE is either: the process is out of descriptors, or the user out of bytes for queues.
Error out_of_files(const std::string& name, const PosixMqOptions& o) {
    const long probe = sys::open("/dev/null", O_RDONLY);
    if (probe < 0) return sys::error(-EMFILE, "mq_open", name);
    (void)sys::close(static_cast<int>(probe));
    rlimit l{};
    (void)sys::getrlimit(RLIMIT_MSGQUEUE, &l);
    const auto depth = o.depth ? o.depth : 10, size = o.message_size ? o.message_size : 8192;
    return Error::saying(Errc::exhausted,
                         "mq_open(\"" + name + "\"): RLIMIT_MSGQUEUE (ulimit -q) allows " + std::to_string(l.rlim_cur) +
                             " bytes for all queues of this user, and this one needs over " +
                             std::to_string(depth * size) + "; remove old ones, or ask for less depth or size");
}

Error cannot_create(long r, const std::string& name, const PosixMqOptions& o) {
    if (r == -EINVAL || r == -EOVERFLOW || r == -ENOMEM) {
        if (auto e = sys::effective_user() == 0 ? std::nullopt : above_limit(name, o)) return *e;
        return Error::saying(Errc::exhausted, "mq_open(\"" + name + "\"): depth=" + std::to_string(o.depth) +
                                                  " with size=" + std::to_string(o.message_size) +
                                                  " is more than the kernel has; it takes 65536 and 16M at most");
    }
    if (r == -ENOSPC)
        return Error::saying(Errc::exhausted, "mq_open(\"" + name + "\"): as many queues as " + limits +
                                                  "queues_max allows (" +
                                                  std::to_string(sys::read_number(limits + "queues_max").value_or(0)) +
                                                  ") exist already");
    return r == -EMFILE ? out_of_files(name, o) : sys::error(r, "mq_open", name);
}

// Of depth and size, the one that was not given is the system's default.
void fill(PosixMqOptions& o) {
    if (o.depth == 0) o.depth = sys::read_number(limits + "msg_default").value_or(10);
    if (o.message_size == 0) o.message_size = sys::read_number(limits + "msgsize_default").value_or(8192);
}

}  // namespace

// ---------------------------------------------------------------- life

Result<PosixMq> PosixMq::open(const std::string& name, PosixMqOptions o) {
    if (const auto wrong = wrong_name(name); !wrong.empty())
        return refuse(Errc::bad_address, name + ": " + wrong + "; write it as /jobs");
    bool made = false;
    long r = 0;
    if (o.create != Create::never) {
        auto filled = o;
        fill(filled);
        mq_attr a{};
        a.mq_maxmsg = static_cast<long>(std::min<std::size_t>(filled.depth, LONG_MAX));
        a.mq_msgsize = static_cast<long>(std::min<std::size_t>(filled.message_size, LONG_MAX));
        r = sys::mq_open(name.c_str(), access(o.mode) | O_CREAT | O_EXCL, o.permissions & 0777, &a);
        made = r >= 0;
        if (r < 0 && (r != -EEXIST || o.create == Create::exclusive))
            return std::unexpected(cannot_create(r, name, filled));
    }
    if (!made) r = sys::mq_open(name.c_str(), access(o.mode), 0, nullptr);
    if (r == -ENOENT && o.create == Create::if_missing) return open(name, o);  // removed between the two calls
    if (r < 0) return sys::fail(r, "mq_open", name);
    PosixMq q(Fd(static_cast<int>(r)));
    if (auto known = q.learn(name, o, made); !known) {
        if (made) (void)sys::mq_unlink(name.c_str());
        return std::unexpected(std::move(known).error());
    }
    return q;
}

Result<> PosixMq::learn(const std::string& name, const PosixMqOptions& o, bool made) {
    may_send_ = o.mode != Mode::read;
    may_recv_ = o.mode != Mode::write;
    if (made)
        if (const long r = sys::fchmod(fd_.get(), o.permissions & 0777); r < 0) return sys::fail(r, "fchmod", name);
    mq_attr a{};
    if (const long r = sys::mq_getattr(fd_.get(), &a); r < 0) return sys::fail(r, "mq_getattr", name);
    depth_ = static_cast<std::size_t>(a.mq_maxmsg);
    message_size_ = static_cast<std::size_t>(a.mq_msgsize);
    if (made) return {};
    if ((o.depth && o.depth != depth_) || (o.message_size && o.message_size != message_size_))
        return refuse(Errc::mismatch, name + ": is there with depth=" + std::to_string(depth_) +
                                          "&size=" + std::to_string(message_size_) +
                                          ", which cannot be changed; leave them out, or remove it first");
    if (o.create == Create::if_missing) {
        struct stat s{};
        if (const long r = sys::fstat(fd_.get(), &s); r < 0) return sys::fail(r, "fstat", name);
        return sys::trust_maker(s.st_uid, name);
    }
    return {};
}

// ---------------------------------------------------------------- work

namespace {
// With never() the plain blocking call; else one try, and poll on the monotonic clock between tries.
template <class F>
long by(int fd, short event, Deadline d, F&& call) {
    for (;;) {
        const long r = call(d.is_never() ? nullptr : &past);
        if (r == -EINTR) continue;
        if (r == -EAGAIN) {  // an inherited descriptor that its maker wanted non-blocking
            if (d.is_now()) return -ETIMEDOUT;
        } else if (r != -ETIMEDOUT || d.is_now()) {
            return r;
        }
        if (const auto ready = sys::wait_ready(fd, event, d); !ready)
            return ready.error().sys() ? -ready.error().sys() : -ETIMEDOUT;
    }
}
}  // namespace

Result<> PosixMq::send(Bytes b, Meta m, Deadline d) {
    if (m.type != 0) return refuse(Errc::unsupported, "a POSIX message queue has priorities and no types");
    if (m.priority > max_priority)
        return refuse(Errc::unsupported,
                      "priority " + std::to_string(m.priority) + ": they go from 0 to " + std::to_string(max_priority));
    if (!may_send_) return fail(Errc::unsupported, "mq_send");
    if (b.size() > message_size_) return fail(Errc::too_big, "mq_send");
    const long r = by(fd_.get(), POLLOUT, d, [&](const timespec* t) {
        return sys::mq_send(fd_.get(), reinterpret_cast<const char*>(b.data()), b.size(), m.priority, t);
    });
    if (r == -ETIMEDOUT) return fail(Errc::timed_out);
    if (r < 0) return sys::fail(r, "mq_send");
    return {};
}

// Inlined, like the call below it: each function that a system call returns through costs 15 ns.
[[gnu::always_inline]] inline Result<std::size_t> PosixMq::receive(MutBytes into, unsigned& priority, Deadline d) {
    const long r = by(fd_.get(), POLLIN, d, [&](const timespec* t) {
        return sys::mq_receive(fd_.get(), reinterpret_cast<char*>(into.data()), into.size(), &priority, t);
    });
    if (r == -ETIMEDOUT) return fail(Errc::timed_out);
    if (r < 0) return sys::fail(r, "mq_receive");
    return static_cast<std::size_t>(r);
}

Result<> PosixMq::may_recv(const Meta& m) const {
    if (m.type != 0) return refuse(Errc::unsupported, "a POSIX message queue has priorities and no types");
    return may_recv_ ? Result<>() : fail(Errc::unsupported, "mq_receive");
}

// The kernel wants room for the largest message, whatever comes.
[[gnu::always_inline]] inline Result<> PosixMq::keep(Deadline d) {
    if (keeps_) return {};
    kept_.resize(message_size_);
    WYE_TRY(kept_size_, receive(kept_, kept_priority_, d));
    keeps_ = true;
    return {};
}

Result<MutBytes> PosixMq::recv(MutBytes into, Meta& m, Deadline d) {
    WYE_CHECK(may_recv(m));
    if (!keeps_ && into.size() >= message_size_) {
        WYE_TRY(const auto n, receive(into, m.priority, d));
        return into.first(n);
    }
    WYE_CHECK(keep(d));
    if (kept_size_ > into.size()) return fail(Errc::too_big, "mq_receive");
    copy_bytes(into.data(), kept_.data(), kept_size_);
    m.priority = kept_priority_;
    keeps_ = false;
    return into.first(kept_size_);
}

Result<Bytes> PosixMq::recv_view(Meta& m, Deadline d) {
    WYE_CHECK(may_recv(m));
    WYE_CHECK(keep(d));
    keeps_ = false;
    m.priority = kept_priority_;
    return Bytes(kept_.data(), kept_size_);
}

Result<std::size_t> PosixMq::messages() const {
    mq_attr a{};
    if (const long r = sys::mq_getattr(fd_.get(), &a); r < 0) return sys::fail(r, "mq_getattr");
    return static_cast<std::size_t>(a.mq_curmsgs) + keeps_;
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "posix-mq:/jobs?depth=10&size=8K";
constexpr Param params[] = {{"depth", "N", "messages it holds, when it is made (default 10)"},
                            {"size", "SIZE", "largest message, when it is made (default 8K)"}};

Result<std::string> name_of(const Uri& uri) {
    if (const auto wrong = wrong_name(uri.address()); !wrong.empty()) return uri.refuse(wrong, example);
    return std::string(uri.address());
}

}  // namespace

Result<PosixMq> PosixMq::open_uri(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto name, name_of(uri));
    WYE_TRY(const auto depth, uri.number("depth", 0));
    WYE_TRY(const auto size, uri.size("size", 0));
    if (uri.has("depth") && depth == 0) return uri.refuse("a queue of depth 0 holds nothing", example);
    if (uri.has("size") && size == 0) return uri.refuse("messages of size 0 carry nothing", example);
    return open(
        name,
        {.mode = how.mode, .create = how.create, .permissions = how.permissions, .depth = depth, .message_size = size});
}

namespace {

// Looked for with an access mode that does not exist: the kernel refuses that once it has found the name. Opened it
// must not be, for closing a descriptor of a queue would end this process's own notification on it.
long find(const std::string& name) noexcept {
    const long r = sys::mq_open(name.c_str(), O_ACCMODE, 0, nullptr);
    if (r >= 0) (void)sys::close(static_cast<int>(r));
    return r == -EINVAL ? 0 : r;
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto name, name_of(uri));
    const long r = o.dry_run ? find(name) : sys::mq_unlink(name.c_str());
    if (r < 0) return sys::fail(r, "mq_unlink", name);
    return {};
}

// Where this process sees the queues as files; they have no other list.
Result<std::string> mount_point() {
    WYE_TRY(const auto mounts, sys::read_whole("/proc/self/mounts"));
    for (std::size_t at = 0; at < mounts.size(); at = mounts.find('\n', at) + 1) {
        char where[512], kind[64];
        if (std::sscanf(mounts.c_str() + at, "%*s %511s %63s", where, kind) == 2 && std::string_view(kind) == "mqueue")
            return std::string(where);
    }
    return refuse(Errc::unsupported,
                  "posix-mq: queues can be listed only where they are mounted; as root: mkdir -p /dev/mqueue && mount "
                  "-t mqueue none /dev/mqueue");
}

// Not opened: see find().
Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto directory, mount_point());
    WYE_TRY(const auto names, sys::names_in(directory));
    for (const auto& name : names) {
        struct stat s{};
        const auto path = directory + "/" + name;
        if (sys::lstat(path.c_str(), &s) < 0) continue;  // gone meanwhile
        unsigned long bytes = 0;
        if (const auto text = sys::read_whole(path)) std::sscanf(text->c_str(), "QSIZE:%lu", &bytes);
        visit({.uri = "posix-mq:" + percent_encode("/" + name),
               .owner = s.st_uid,
               .mode = s.st_mode & 0777u,
               .bytes = bytes});
    }
    return {};
}

std::vector<std::string> scratch(const std::string&) { return {"posix-mq:/wye-" + std::to_string(sys::unique_mark())}; }

}  // namespace

void see_posix_mqs(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism posix_mq_mechanism{
    .traits = PosixMq::traits,
    .summary = "whole messages with a priority, kept by the kernel",
    .example = example,
    .params = params,
    .open = open_by<PosixMq::open_uri>,
    .make = make_by<PosixMq::open_uri>,
    .remove = remove,
    .list = list,
    .see = see_posix_mqs,
    .scratch = scratch,
};

}  // namespace wye
