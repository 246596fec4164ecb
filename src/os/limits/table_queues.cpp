// The limits of POSIX queues and pipes.
#include "os/limits/table.hpp"

namespace wye::sys {
namespace {

constexpr Limit rows[] = {
    // ------------------------------------------------------------ POSIX queues
    {.name = "queues_max",
     .title = "POSIX message queues",
     .scope = Scope::ipc,
     .unit = Unit::count,
     .ceiling = {.file = "/proc/sys/fs/mqueue/queues_max"},
     .use = "files of the mqueue file system",
     .read = queue_count,
     .faults = {{"mq_open", "ENOSPC", "not the disk: there are as many queues as may be (root may go beyond)",
                 "mq_open(3)"}},
     .remedy = "remove queues that nobody uses (ls /dev/mqueue, wye rm posix-mq:...), or raise fs.mqueue.queues_max",
     .trial = {.spaces = ipc,
               .small = 4,
               .most = 1024,
               .run = trial::mq_count,
               .sees = "trying again does not help until a queue is removed"}},
    {.name = "msg_max",
     .title = "room of one POSIX queue, in messages",
     .scope = Scope::ipc,
     .unit = Unit::count,
     .ceiling = {.file = "/proc/sys/fs/mqueue/msg_max"},
     .use = per_call,
     .faults = {{"mq_open", "EINVAL", "mq_maxmsg is larger than fs.mqueue.msg_max (root may go beyond)", "mq_open(3)"}},
     .remedy = "ask for less, or raise fs.mqueue.msg_max",
     .trial =
         {.spaces = ipc, .small = 4, .most = 64, .run = trial::mq_depth, .sees = "the same call will never succeed"}},
    {.name = "msgsize_max",
     .title = "bytes of one POSIX message",
     .scope = Scope::ipc,
     .unit = Unit::bytes,
     .ceiling = {.file = "/proc/sys/fs/mqueue/msgsize_max"},
     .use = per_call,
     .faults = {{"mq_open", "EINVAL", "mq_msgsize is larger than fs.mqueue.msgsize_max (root may go beyond)",
                 "mq_open(3)"}},
     .remedy = "ask for less, or raise fs.mqueue.msgsize_max",
     .trial = {.spaces = ipc,
               .small = 256,
               .most = 65536,
               .run = trial::mq_message,
               .sees = "the same call will never succeed"}},
    {.name = "mq_maxmsg",
     .title = "messages waiting in one POSIX queue",
     .scope = Scope::object,
     .unit = Unit::count,
     .ceiling = {},
     .use = "mq_curmsgs of the fullest queue that this user may read, against its mq_maxmsg",
     .read = fullest_queue,
     .faults = {{"mq_send", "EAGAIN", "with O_NONBLOCK; without it the call sleeps", "mq_send(3)"},
                {"mq_receive", "EAGAIN", "with O_NONBLOCK, of an empty queue", "mq_receive(3)"}},
     .remedy = "find out why nobody receives; a queue keeps the room that it was made with",
     .trial = {.spaces = ipc, .run = trial::mq_full, .sees = "it succeeds again when somebody receives"}},
    {.name = "RLIMIT_MSGQUEUE",
     .title = "bytes that a user's POSIX queues may need",
     .scope = Scope::user,
     .unit = Unit::bytes,
     .ceiling = {.rlimit = "Max msgqueue size", .resource = RLIMIT_MSGQUEUE},
     .use = "computed, the kernel does not export it: of each queue of this ipc namespace mq_maxmsg * (mq_msgsize + "
            "48) + min(mq_maxmsg, "
            "32768) * 48",
     .read = queue_bytes,
     .faults = {{"mq_open", "EMFILE", "descriptors are not short: the user's queues need too many bytes, empty or not",
                 "measured"}},
     .remedy = "remove queues, make smaller ones, or raise RLIMIT_MSGQUEUE (ulimit -q)",
     .trial = {.spaces = ipc,
               .small = 400'000,
               .most = 8 << 20,
               .run = trial::mq_charged,
               .sees = "trying again does not help until a queue of this user is removed"}},
    // ------------------------------------------------------------ pipes
    {.name = "pipe-max-size",
     .title = "bytes of one pipe",
     .scope = Scope::system,
     .unit = Unit::bytes,
     .ceiling = {.file = "/proc/sys/fs/pipe-max-size"},
     .use = per_call,
     .faults = {{"fcntl(F_SETPIPE_SZ)", "EPERM", "beyond it only with CAP_SYS_RESOURCE", "fcntl(2)"}},
     .remedy = "ask for less, or raise fs.pipe-max-size",
     .trial = {.run = trial::pipe_size, .sees = "the pipe stays as it was"}},
    {.name = "pipe-user-pages-soft",
     .title = "pages of a user's pipes, before they shrink",
     .scope = Scope::user,
     .unit = Unit::pages,
     .ceiling = {.file = "/proc/sys/fs/pipe-user-pages-soft"},
     .use = "computed, the kernel does not export it: 16 pages for each pipe that a visible process holds, by who made "
            "it; pipes that were resized are not told apart",
     .read =
         [](Seen v, Row l) {
             return each_user(
                 v, l, [](const UserUse& u) { return u.pipes * 16; }, [](const ProcessUse& p) { return p.pipes * 16; });
         },
     .faults = {{"pipe", "", "no error: a new pipe holds 8 KiB instead of 64, and programs get slow", "measured"},
                {"fcntl(F_SETPIPE_SZ)", "EPERM", "a small pipe cannot be made larger", "pipe(7)"}},
     .remedy = "close pipes, or raise fs.pipe-user-pages-soft; root is not held to it",
     .trial = {.run = trial::pipe_pages, .sees = "nothing fails: writers block after 8 KiB", .stranger = true}},
    {.name = "pipe-user-pages-hard",
     .title = "pages of a user's pipes, the last",
     .scope = Scope::user,
     .unit = Unit::pages,
     .ceiling = {.file = "/proc/sys/fs/pipe-user-pages-hard"},
     .use = "as pipe-user-pages-soft; 0 is off",
     .read =
         [](Seen v, Row l) {
             return each_user(
                 v, l, [](const UserUse& u) { return u.pipes * 16; }, [](const ProcessUse& p) { return p.pipes * 16; });
         },
     .faults = {{"pipe", "ENFILE", "files are not short: the user's pipes have too many pages", "pipe(2)", false}},
     .remedy = "close pipes, or raise fs.pipe-user-pages-hard",
     .trial = {.told = "it is one number of the whole machine, and off unless somebody set it"}},
    {.name = "pipe-capacity",
     .title = "bytes waiting in one pipe",
     .scope = Scope::object,
     .unit = Unit::bytes,
     .ceiling = {.fixed = 65536},
     .use = "not looked at: only a descriptor of the pipe tells (FIONREAD), and to open one again would keep the pipe "
            "alive",
     .faults = {{"write", "EAGAIN", "with O_NONBLOCK; without it the call sleeps", "pipe(7)"}},
     .remedy = "find out why nobody reads; F_SETPIPE_SZ makes it larger",
     .trial = {.run = trial::pipe_full, .sees = "it succeeds again when a page has been read"}},
};

}  // namespace

std::span<const Limit> queues_limits() noexcept { return rows; }

}  // namespace wye::sys
