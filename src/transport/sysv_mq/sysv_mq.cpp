// A System V message queue.
#include "wye/transport/sysv_mq.hpp"

#include "io/sysv_path.hpp"
#include "os/errno.hpp"
#include "os/object.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/sysv_key.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <limits>

namespace wye {
namespace {

std::size_t system_limit() { return sys::read_number("/proc/sys/kernel/msgmax").value_or(8192); }

// The permission bits that opening for this mode asks of a queue that exists.
int wanted(Mode m) noexcept { return m == Mode::read ? 0444 : m == Mode::write ? 0222 : 0666; }

std::unexpected<Error> no_room(std::string_view subject) {
    return refuse(Errc::exhausted,
                  "msgget(" + std::string(subject) + "): no room for another queue: /proc/sys/kernel/msgmni allows " +
                      std::to_string(sys::read_number("/proc/sys/kernel/msgmni").value_or(0)) + "; see ipcs -q");
}

std::chrono::system_clock::time_point time_of(long seconds) { return std::chrono::system_clock::from_time_t(seconds); }

}  // namespace

// ---------------------------------------------------------------- life

Result<std::int32_t> SysvMq::key_of(const std::string& path, unsigned project) { return sys::sysv_key(path, project); }

Result<SysvMq> SysvMq::open(std::int32_t key, SysvMqOptions o) {
    const auto subject = "key=" + sys::key_text(key);
    if (key == IPC_PRIVATE)
        return refuse(Errc::bad_address, subject +
                                             ": the key 0 is IPC_PRIVATE, which makes another queue each time; use "
                                             "key=0x51, or id=N for one that exists");
    if (o.create != Create::never) {
        const long made = sys::msgget(key, IPC_CREAT | IPC_EXCL | static_cast<int>(o.permissions & 0777));
        if (made >= 0) {
            auto q = opened(static_cast<int>(made), o, subject);
            if (!q) (void)sys::msgctl(static_cast<int>(made), IPC_RMID, nullptr);
            return q;
        }
        if (made == -ENOSPC) return no_room(subject);
        if (made != -EEXIST || o.create == Create::exclusive) return sys::fail(made, "msgget", subject);
    }
    const long id = sys::msgget(key, wanted(o.mode));
    if (id == -ENOENT && o.create == Create::if_missing) return open(key, o);  // removed between the two calls
    if (id < 0) return sys::fail(id, "msgget", subject);
    WYE_TRY(auto q, opened(static_cast<int>(id), o, subject));
    if (o.create == Create::if_missing) {
        WYE_TRY(const auto s, q.stat());
        WYE_CHECK(sys::trust_maker(s.creator, subject));
    }
    return q;
}

Result<SysvMq> SysvMq::open_id(int id, SysvMqOptions o) { return opened(id, o, "id=" + std::to_string(id)); }

Result<SysvMq> SysvMq::opened(int id, SysvMqOptions o, const std::string& subject) {
    SysvMq q(id, o);
    msqid_ds d{};
    const long r = sys::msgctl(id, IPC_STAT, &d);
    // Who may only write may not ask: the system's limit stands in then.
    if (r < 0 && (r != -EACCES || o.mode != Mode::write)) {
        if (r == -EINVAL || r == -EIDRM) return wye::fail(Errc::not_found, "msgctl", subject);
        return sys::fail(r, "msgctl", subject);
    }
    q.max_ = std::min(system_limit(), r < 0 ? SIZE_MAX : static_cast<std::size_t>(d.msg_qbytes));
    if (o.mode != Mode::read) q.out_.make(q.max_);
    if (o.mode != Mode::write) q.in_.make(q.max_);
    return q;
}

void SysvMq::Place::make(std::size_t n) {
    bytes = std::make_unique_for_overwrite<std::byte[]>(sizeof(long) + n);
    room = n;
}

// EINVAL of a send or a receive is a queue that has gone, or a limit that was lowered since.
std::unexpected<Error> SysvMq::failed(long r, const char* op) const {
    if (r == -EAGAIN || r == -ENOMSG || r == -ETIMEDOUT) return fail(Errc::timed_out);
    if (r == -EINVAL) {
        msqid_ds d{};
        const long there = sys::msgctl(id_, IPC_STAT, &d);
        r = there == -EINVAL || there == -EIDRM ? -EIDRM : -EMSGSIZE;
    }
    return sys::fail(r, op);
}

// ---------------------------------------------------------------- work

namespace {
// At once if it can be; else the plain blocking call, which a timer ends at the deadline. Neither is ever restarted by
// the kernel.
template <class F>
[[gnu::always_inline]] inline long by(Deadline d, F&& call) noexcept {
    const int flags = d.is_never() ? 0 : IPC_NOWAIT;
    long r = call(flags);
    while (r == -EINTR) r = call(flags);
    if (flags == 0 || d.is_now() || (r != -EAGAIN && r != -ENOMSG)) [[likely]]
        return r;
    return sys::interruptible(d, [&] { return call(0); });
}
}  // namespace

Result<> SysvMq::send(Bytes b, Meta m, Deadline d) {
    if (m.priority != 0) return refuse(Errc::unsupported, "a SysV message queue has types and no priorities");
    if (options_.mode == Mode::read) return fail(Errc::unsupported, "msgsnd");
    const long type = m.type != 0 ? m.type : options_.type != 0 ? options_.type : 1;
    if (type < 0)
        return refuse(Errc::unsupported,
                      "a message of type " + std::to_string(type) + " cannot be sent; types are from 1");
    if (b.size() > max_) return fail(Errc::too_big, "msgsnd");
    std::memcpy(out_.bytes.get(), &type, sizeof type);
    copy_bytes(out_.text(), b.data(), b.size());
    const long r = by(d, [&](int flags) { return sys::msgsnd(id_, out_.bytes.get(), b.size(), flags); });
    if (r < 0) return failed(r, "msgsnd");
    return {};
}

// Inlined: each function that a system call returns through costs 15 ns.
[[gnu::always_inline]] inline Result<Bytes> SysvMq::take(std::size_t most, Meta& m, Deadline d) {
    if (options_.mode == Mode::write) return fail(Errc::unsupported, "msgrcv");
    const long type = m.type != 0 ? m.type : options_.type;
    long r = 0;
    for (;;) {
        const auto room = std::min(most, in_.room);
        r = by(d, [&](int flags) { return sys::msgrcv(id_, in_.bytes.get(), room, type, flags); });
        if (r != -E2BIG || room == most) break;
        // The limits were raised since we made our place.
        const auto larger = max_message();
        if (larger <= in_.room) break;
        in_.make(larger);
    }
    if (r < 0) return failed(r, "msgrcv");
    m.priority = 0;
    std::memcpy(&m.type, in_.bytes.get(), sizeof m.type);
    return Bytes(in_.text(), static_cast<std::size_t>(r));
}

Result<MutBytes> SysvMq::recv(MutBytes into, Meta& m, Deadline d) {
    WYE_TRY(const auto message, take(into.size(), m, d));
    copy_bytes(into.data(), message.data(), message.size());
    return into.first(message.size());
}

Result<Bytes> SysvMq::recv_view(Meta& m, Deadline d) { return take(SIZE_MAX, m, d); }

std::size_t SysvMq::max_message() const {
    const auto s = stat();
    return std::min(system_limit(), s ? static_cast<std::size_t>(s->limit) : SIZE_MAX);
}

Result<SysvMqStat> SysvMq::stat() const {
    msqid_ds d{};
    if (const long r = sys::msgctl(id_, IPC_STAT, &d); r < 0)
        return r == -EINVAL ? sys::fail(-EIDRM, "msgctl") : sys::fail(r, "msgctl");
    return SysvMqStat{.id = id_,
                      .key = d.msg_perm.__key,
                      .owner = d.msg_perm.uid,
                      .group = d.msg_perm.gid,
                      .creator = d.msg_perm.cuid,
                      .creator_group = d.msg_perm.cgid,
                      .mode = d.msg_perm.mode & 0777u,
                      .messages = d.msg_qnum,
                      .bytes = d.__msg_cbytes,
                      .limit = d.msg_qbytes,
                      .last_sender = d.msg_lspid,
                      .last_receiver = d.msg_lrpid,
                      .last_send = time_of(d.msg_stime),
                      .last_receive = time_of(d.msg_rtime),
                      .last_change = time_of(d.msg_ctime)};
}

Result<> SysvMq::remove() {
    const auto before = stat();
    const long r = sys::msgctl(id_, IPC_RMID, nullptr);
    if (r == -EINVAL || r == -EIDRM) return fail(Errc::not_found, "msgctl");
    if (r < 0) return sys::fail(r, "msgctl");
    if (before) forget_path("sysv-mq", before->key, id_);
    return {};
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "sysv-mq:/etc/hostname#7";
constexpr Param params[] = {{"type", "N", "the type that is sent, and asked for"}};

}  // namespace

Result<SysvMq> SysvMq::open_uri(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    WYE_TRY(const auto type, uri.number("type", 0));
    if ((uri.has("type") && type == 0) || type > static_cast<std::uint64_t>(std::numeric_limits<long>::max()))
        return uri.refuse("a type is from 1 on", "sysv-mq:/etc/hostname?type=3#7");
    const SysvMqOptions o{
        .mode = how.mode, .create = how.create, .permissions = how.permissions, .type = static_cast<long>(type)};
    if (!a.is_id) {
        WYE_TRY(auto q, open(a.number, o));
        WYE_CHECK(check_path("sysv-mq", a, q.id(), o.create));
        return q;
    }
    if (o.create != Create::never)
        return uri.refuse("an id is given by the kernel and cannot be created", "sysv-mq:key=0x51");
    return open_id(a.number, o);
}

namespace {

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    // Removing asks for ownership and not for permission bits, so none are asked for here.
    const long id = a.is_id ? a.number : sys::msgget(a.number, 0);
    if (id < 0) return sys::fail(id, "msgget", uri.text());
    WYE_CHECK(check_path("sysv-mq", a, static_cast<int>(id), Create::never));
    msqid_ds d{};
    long r = sys::msgctl(static_cast<int>(id), IPC_STAT, &d);
    if (!o.dry_run && (r == 0 || r == -EACCES)) r = sys::msgctl(static_cast<int>(id), IPC_RMID, nullptr);
    if (r == -EINVAL || r == -EIDRM) return fail(Errc::not_found, "msgctl", uri.text());
    if (r < 0 && !(o.dry_run && r == -EACCES)) return sys::fail(r, "msgctl", uri.text());  // EACCES: it is there
    if (!o.dry_run) forget_path("sysv-mq", a.is_id ? d.msg_perm.__key : a.number, static_cast<int>(id));
    return {};
}

Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto table, sys::read_whole("/proc/sysvipc/msg"));
    std::size_t at = table.find('\n');
    while (at != std::string::npos && at + 1 < table.size()) {
        int key = 0, id = 0;
        unsigned mode = 0, lspid = 0, lrpid = 0, uid = 0;
        unsigned long bytes = 0, messages = 0;
        if (std::sscanf(table.c_str() + at + 1, "%d %d %o %lu %lu %u %u %u", &key, &id, &mode, &bytes, &messages,
                        &lspid, &lrpid, &uid) == 8)
            visit({.uri = key == 0 ? "sysv-mq:id=" + std::to_string(id) : "sysv-mq:key=" + sys::key_text(key),
                   .owner = uid,
                   .mode = mode,
                   .bytes = bytes,
                   .items = messages});
        at = table.find('\n', at + 1);
    }
    return {};
}

std::vector<std::string> scratch(const std::string&) {
    const auto key = sys::unused_key([](std::int32_t k) { return sys::msgget(k, 0); });
    return {"sysv-mq:key=" + sys::key_text(key)};
}

}  // namespace

void see_sysv_mqs(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism sysv_mq_mechanism{
    .traits = SysvMq::traits,
    .summary = "whole messages with a type, kept by the kernel",
    .example = example,
    .params = params,
    .fragment = true,
    .open = open_by<SysvMq::open_uri>,
    .make = make_by<SysvMq::open_uri>,
    .remove = remove,
    .list = list,
    .see = see_sysv_mqs,
    .scratch = scratch,
};

}  // namespace wye
