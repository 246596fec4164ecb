// A System V message queue.
#include "wye/transport/sysv_mq.hpp"

#include <cstring>
#include <sstream>

#include "os/directory.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"
#include "wye/base/text.hpp"

namespace wye {
namespace {

std::string hex(std::int32_t key) {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", static_cast<unsigned>(key));
    return text;
}

std::size_t largest_message() {
    const auto text = sys::read_text("/proc/sys/kernel/msgmax");
    const auto n = text ? parse_number(std::string_view(*text).substr(0, text->find('\n'))) : std::nullopt;
    return n ? *n : 8192;
}

// One try, and then the wait that a timer ends: there is no descriptor to poll.
template <class F>
long patient(Deadline d, F&& call) {
    if (d.is_never()) {
        long r;
        do r = call(0);
        while (r == -EINTR);
        return r;
    }
    long r = call(IPC_NOWAIT);
    while (r == -EINTR && !d.passed()) r = call(IPC_NOWAIT);
    const bool would_wait = r == -EAGAIN || r == -ENOMSG || r == -EINTR;
    if (!would_wait) return r;
    return d.passed() ? -ETIMEDOUT : sys::interruptible(d, [&] { return call(0); });
}

}  // namespace

SysvMq::SysvMq(int id, std::size_t max, long type)
    : id_(id), max_(max), type_(type),
      out_(std::make_unique_for_overwrite<std::byte[]>(sizeof(long) + max)),
      in_(std::make_unique_for_overwrite<std::byte[]>(sizeof(long) + max)) {}

Result<std::int32_t> SysvMq::key_of(const std::string& path, int number) {
    if (number < 1 || number > 255) return refuse(Errc::bad_address, "ftok number " + std::to_string(number) + ": only 8 bits of it count; write 1 to 255");
    const long key = sys::ftok(path.c_str(), number);
    if (key < 0) return sys::fail(key, "ftok", path);
    return static_cast<std::int32_t>(key);
}

Result<SysvMq> SysvMq::open(std::int32_t key, SysvMqOptions o) {
    if (key == IPC_PRIVATE) return refuse(Errc::bad_address, "key 0 makes a queue that nobody can open (IPC_PRIVATE); use another");
    const int flags = o.create == Create::never ? 0 : o.create == Create::exclusive ? IPC_CREAT | IPC_EXCL : IPC_CREAT;
    const long id = sys::msgget(key, flags | static_cast<int>(o.permissions & 0777));
    if (id == -ENOSPC) return refuse(Errc::exhausted, "msgget(" + hex(key) + "): the machine has all the queues it may (/proc/sys/kernel/msgmni)");
    if (id < 0) return sys::fail(id, "msgget", hex(key));
    msqid_ds d{};
    // Sending alone needs no right to read the queue's state.
    const long r = sys::msgctl(static_cast<int>(id), IPC_STAT, &d);
    if (r < 0 && r != -EACCES) return sys::fail(r, "msgctl", hex(key));
    const auto max = std::min<std::size_t>(largest_message(), r == 0 ? d.msg_qbytes : SIZE_MAX);
    return SysvMq(static_cast<int>(id), max, o.type);
}

Result<> SysvMq::remove(std::int32_t key) {
    const long id = sys::msgget(key, 0);
    if (id < 0) return sys::fail(id, "msgget", hex(key));
    const long r = sys::msgctl(static_cast<int>(id), IPC_RMID, nullptr);
    return r < 0 ? Result<>(sys::fail(r, "msgctl", hex(key))) : Result<>();
}

Result<> SysvMq::send(Bytes message, Meta meta, Deadline deadline) {
    if (message.size() > max_) return fail(Errc::too_big, "send");
    if (meta.priority != 0) return refuse(Errc::unsupported, "a System V queue has types, not priorities");
    const long type = meta.type ? meta.type : type_ > 0 ? type_ : 1;
    if (type < 0) return refuse(Errc::unsupported, "type " + std::to_string(type) + ": a message's type is 1 or more");
    std::memcpy(out_.get(), &type, sizeof type);
    if (!message.empty()) std::memcpy(out_.get() + sizeof type, message.data(), message.size());
    const long r = patient(deadline, [&](int flags) { return sys::msgsnd(id_, out_.get(), message.size(), flags); });
    if (r == -EINVAL) return fail(Errc::closed, "send");  // the id is no queue's: it was removed, or the size no longer fits
    return r < 0 ? Result<>(sys::fail(r, "msgsnd")) : Result<>();
}

Result<MutBytes> SysvMq::recv(MutBytes into, Meta& meta, Deadline deadline) {
    if (meta.priority != 0) return refuse(Errc::unsupported, "a System V queue has types, not priorities");
    const long wanted = meta.type ? meta.type : type_;
    const auto room = std::min(into.size(), max_);
    const long r = patient(deadline, [&](int flags) { return sys::msgrcv(id_, in_.get(), room, wanted, flags); });
    if (r == -EINVAL) return fail(Errc::closed, "recv");
    if (r < 0) return sys::fail(r, "msgrcv");
    const auto n = static_cast<std::size_t>(r);
    std::memcpy(&meta.type, in_.get(), sizeof meta.type);
    if (n > 0) std::memcpy(into.data(), in_.get() + sizeof(long), n);
    return into.first(n);
}

Result<SysvMq::Stat> SysvMq::stat() const {
    msqid_ds d{};
    if (const long r = sys::msgctl(id_, IPC_STAT, &d); r < 0) return sys::fail(r, "msgctl");
    return Stat{.owner = d.msg_perm.uid, .group = d.msg_perm.gid, .creator = d.msg_perm.cuid, .mode = d.msg_perm.mode & 0777u,
                .messages = d.msg_qnum, .bytes = d.__msg_cbytes, .limit = d.msg_qbytes,
                .last_sender = d.msg_lspid, .last_receiver = d.msg_lrpid,
                .sent_at = d.msg_stime, .received_at = d.msg_rtime, .changed_at = d.msg_ctime};
}

namespace {

constexpr std::string_view example = "sysv-mq:/etc/hostname#7 or sysv-mq:key=0x51";
constexpr Param params[] = {{"type", "N", "what is sent, and asked for (-N: the lowest up to N; default any)"}};

Result<std::int32_t> key_in(const Uri& uri) {
    const auto a = uri.address();
    if (a.starts_with("key=")) {
        const auto n = parse_number(a.substr(4));
        if (!n || *n == 0 || *n > UINT32_MAX) return uri.refuse("\"" + std::string(a.substr(4)) + "\" is not a key from 1 to 0xffffffff", example);
        if (uri.fragment()) return uri.refuse("a key takes no '#'", example);
        return static_cast<std::int32_t>(*n);
    }
    if (!a.starts_with("/")) return uri.refuse("neither a path nor key=", example);
    if (!uri.fragment()) return uri.refuse("no number after the path", example);
    const auto n = parse_number(*uri.fragment());
    if (!n || *n < 1 || *n > 255) return uri.refuse("\"" + *uri.fragment() + "\" is not a number from 1 to 255", example);
    return SysvMq::key_of(std::string(a), static_cast<int>(*n));
}

Result<SysvMqOptions> options_of(const Uri& uri, const OpenOptions& how) {
    SysvMqOptions o{.create = how.create, .permissions = how.permissions};
    if (auto text = uri.get("type")) {
        const bool minus = text->starts_with("-");
        const auto n = parse_number(text->substr(minus ? 1 : 0));
        if (!n || *n > INT32_MAX) return uri.refuse("\"" + std::string(*text) + "\" is not a type", "type=3");
        o.type = minus ? -static_cast<long>(*n) : static_cast<long>(*n);
    }
    return o;
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(const auto key, key_in(uri));
    WYE_TRY(const auto o, options_of(uri, how));
    WYE_TRY(auto q, SysvMq::open(key, o));
    return Channel(std::move(q));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto key, key_in(uri));
    auto q = SysvMq::open(key, {.create = how.create, .permissions = how.permissions});
    return q ? Result<>() : std::unexpected(q.error());
}

Result<> remove(const Uri& uri) {
    WYE_TRY(const auto key, key_in(uri));
    return SysvMq::remove(key);
}

Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto text, sys::read_text("/proc/sysvipc/msg"));
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);  // titles
    while (std::getline(lines, line)) {
        std::istringstream in(line);
        long key = 0, id = 0, bytes = 0, items = 0, sender = 0, receiver = 0, owner = 0;
        unsigned mode = 0;
        in >> key >> id >> std::oct >> mode >> std::dec >> bytes >> items >> sender >> receiver >> owner;
        if (in) visit({.uri = "sysv-mq:key=" + hex(static_cast<std::int32_t>(key)), .owner = static_cast<std::uint32_t>(owner), .mode = mode,
                       .bytes = static_cast<std::uint64_t>(bytes), .items = static_cast<std::uint64_t>(items)});
    }
    return {};
}

std::vector<std::string> scratch(const std::string&) {
    return {"sysv-mq:key=" + hex(static_cast<std::int32_t>((sys::unique_mark() & 0x7fffffff) | 1))};
}

}  // namespace

const Mechanism sysv_mq_mechanism{
    .traits = SysvMq::traits,
    .summary = "whole messages with types, kept by the kernel",
    .example = "sysv-mq:/etc/hostname#7",
    .params = params,
    .fragment = true,
    .open = open,
    .make = make,
    .remove = remove,
    .list = list,
    .scratch = scratch,
};

}  // namespace wye
