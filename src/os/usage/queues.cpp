#include "os/usage/queues.hpp"

#include "wye/os/fd.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <sys/mount.h>
#include <sys/vfs.h>

#include <algorithm>

namespace wye::sys {
namespace {

constexpr long mqueue_magic = 0x19800202;  // statfs(2)

// Mounted nowhere: the tree ends with the descriptor. Read-only, for the directory's access time is every mount's.
Fd detached() {
    const Fd context(
        static_cast<int>(call(Call::any, [] { return ::syscall(SYS_fsopen, "mqueue", 1u /* CLOEXEC */); })));
    if (context.get() < 0) return {};
    constexpr unsigned create = 6;  // FSCONFIG_CMD_CREATE
    if (call(Call::any, [&] { return ::syscall(SYS_fsconfig, context.get(), create, nullptr, nullptr, 0); }) < 0)
        return {};
    return Fd(static_cast<int>(
        call(Call::any, [&] { return ::syscall(SYS_fsmount, context.get(), 1u /* CLOEXEC */, MOUNT_ATTR_RDONLY); })));
}

Result<Fd> directory() {
    if (auto d = detached(); d.get() >= 0) return d;
    const long fd = sys::open("/dev/mqueue", O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fail(fd, "open", "/dev/mqueue");
    Fd d(static_cast<int>(fd));
    struct statfs s{};
    if (const long r = call(Call::statfs, [&] { return ::fstatfs(d.get(), &s); }); r < 0) return fail(r, "fstatfs");
    if (s.f_type != mqueue_magic) return refuse(Errc::not_found, "/dev/mqueue: no mqueue file system is mounted there");
    return d;
}

}  // namespace

std::uint64_t QueueUse::charged() const noexcept {
    constexpr std::uint64_t message = 48, node = 48, priorities = 32768;  // msg_msg, posix_msg_tree_node, MQ_PRIO_MAX
    return most * message + std::min(most, priorities) * node + most * size;
}

Result<std::vector<QueueUse>> look_at_queues() {
    WYE_TRY(const auto at, directory());
    // The thread's own: /proc/self is the process, whose descriptors are the same.
    WYE_TRY(const auto names, names_in("/proc/self/fd/" + std::to_string(at.get())));
    std::vector<QueueUse> queues;
    for (const auto& name : names) {
        struct stat s{};
        if (sys::lstatat(at.get(), name.c_str(), &s) < 0) continue;
        QueueUse q;
        q.name = "/" + name;
        q.user = s.st_uid;
        const Fd fd(static_cast<int>(sys::openat(at.get(), name.c_str(), O_RDONLY | O_NONBLOCK)));
        if (mq_attr a{}; fd.get() >= 0 && sys::mq_getattr(fd.get(), &a) == 0) {
            q.known = true;
            q.most = static_cast<std::uint64_t>(a.mq_maxmsg);
            q.size = static_cast<std::uint64_t>(a.mq_msgsize);
            q.messages = static_cast<std::uint64_t>(a.mq_curmsgs);
        }
        queues.push_back(std::move(q));
    }
    return queues;
}

}  // namespace wye::sys
