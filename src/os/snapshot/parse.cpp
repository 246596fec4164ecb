// The texts of /proc about processes, locks and mounts. proc(5) and its parts.
#include "os/snapshot/parse.hpp"

#include "os/snapshot/words.hpp"

#include <fcntl.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cstring>

namespace wye::sys {
namespace {

constexpr std::uint64_t kernel_thread_flag = 0x00200000;  // PF_KTHREAD

// "MAJOR:MINOR" in hexadecimal (maps, locks) or decimal (mountinfo).
bool device(std::string_view word, std::uint64_t& into, int base) noexcept {
    const auto colon = word.find(':');
    unsigned major = 0, minor = 0;
    if (colon == word.npos || !Words::number(word.substr(0, colon), major, base) ||
        !Words::number(word.substr(colon + 1), minor, base))
        return false;
    into = gnu_dev_makedev(major, minor);
    return true;
}

SleepsIn sleeps_in(long number) noexcept {
    switch (number) {
#ifdef SYS_semop
        case SYS_semop:
#endif
#ifdef SYS_semtimedop
        case SYS_semtimedop:
            return SleepsIn::semop;
#endif
#ifdef SYS_msgsnd
        case SYS_msgsnd:
            return SleepsIn::msgsnd;
        case SYS_msgrcv:
            return SleepsIn::msgrcv;
#endif
        case SYS_mq_timedsend:
            return SleepsIn::mq_send;
        case SYS_mq_timedreceive:
            return SleepsIn::mq_receive;
        case SYS_futex:
            return SleepsIn::futex;
        case SYS_openat:
#ifdef SYS_open
        case SYS_open:
#endif
            return SleepsIn::open;
        case SYS_flock:
            return SleepsIn::flock;
        case SYS_fcntl:
            return SleepsIn::fcntl;
        case SYS_read:
        case SYS_readv:
            return SleepsIn::read;
        case SYS_write:
        case SYS_writev:
        case SYS_pwritev2:
            return SleepsIn::write;
        default:
            return SleepsIn::other;
    }
}

// Whether the call ends by itself, by the argument that says when.
bool has_deadline(long number, const std::uint64_t* args) noexcept {
    constexpr std::uint64_t wait = 0, wait_bitset = 9, command = 0x7f;  // of futex(2)
    switch (number) {
#ifdef SYS_semtimedop
        case SYS_semtimedop:
            return args[3] != 0;
#endif
        case SYS_mq_timedsend:
        case SYS_mq_timedreceive:
            return args[4] != 0;
        case SYS_futex:
            return args[3] != 0 && ((args[1] & command) == wait || (args[1] & command) == wait_bitset);
        default:
            return false;
    }
}

std::string undone(std::string_view escaped) {
    std::string s;
    for (std::size_t i = 0; i < escaped.size(); ++i) {
        unsigned code = 0;
        if (escaped[i] == '\\' && i + 3 < escaped.size() && Words::number(escaped.substr(i + 1, 3), code, 8)) {
            s += static_cast<char>(code);
            i += 3;
        } else {
            s += escaped[i];
        }
    }
    return s;
}

}  // namespace

std::optional<ProcStat> parse_stat(std::string_view text) {
    // The name may hold blanks and brackets: it ends at the last one.
    const auto open = text.find('('), close = text.rfind(')');
    if (open == text.npos || close == text.npos || close < open) return {};
    ProcStat s;
    if (!Words(text.substr(0, open)).take(s.pid)) return {};
    s.comm = text.substr(open + 1, close - open - 1);
    Words w(text.substr(close + 1));
    const auto state = w.next();
    if (state.size() != 1 || !w.take(s.parent)) return {};
    s.state = state[0];
    w.skip(4);
    std::uint64_t flags = 0;
    if (!w.take(flags)) return {};
    s.kernel_thread = (flags & kernel_thread_flag) != 0;
    w.skip(10);
    if (!w.take(s.threads)) return {};
    w.skip(1);
    if (!w.take_all(s.start, s.memory, s.resident)) return {};
    w.skip(3);
    (void)w.take(s.stack);
    return s;
}

ProcStatus parse_status(std::string_view text) {
    ProcStatus s;
    while (!text.empty()) {
        const auto line = next_line(text);
        const auto colon = line.find(':');
        if (colon == line.npos) continue;
        const auto key = line.substr(0, colon);
        Words w(line.substr(colon + 1));
        if (key == "Uid") (void)w.take_all(s.uid, s.effective);
        if (key == "NSpid")
            for (int n = 0; w.take(s.inner); ++n) s.nested = n > 0;  // from outside to inside
        if (std::uint64_t n = 0; key == "RssShmem" && w.take(n)) s.in_shmem = n;
        if (key == "SigPnd") (void)w.take(s.signals.pending, 16);
        if (key == "ShdPnd") (void)w.take(s.signals.shared, 16);
        if (key == "SigBlk") (void)w.take(s.signals.blocked, 16);
        if (key == "SigCgt") (void)w.take(s.signals.caught, 16);
        if (key != "SigQ") continue;
        const auto both = w.next();
        const auto slash = std::min(both.find('/'), both.size());
        (void)Words::number(both.substr(0, slash), s.signals.queued);
        if (slash < both.size()) (void)Words::number(both.substr(slash + 1), s.signals.limit);
    }
    return s;
}

FdInfo parse_fdinfo(std::string_view text) {
    FdInfo f;
    std::uint64_t n = 0;
    while (!text.empty()) {
        Words w(next_line(text));
        const auto key = w.next();
        if (key == "flags:") (void)w.take(f.flags, 8);
        if (key == "eventfd-count:") (void)w.take(f.eventfd_count, 16);
        if (key == "eventfd-id:" && w.take(n)) f.eventfd_id = n;
        if (key == "eventfd-semaphore:" && w.take(n)) f.eventfd_semaphore = n != 0;
        if (key == "scm_fds:") (void)w.take(f.in_flight);
        if (key == "lock:")
            if (auto l = parse_lock(w.rest())) f.locks.push_back(std::move(*l));
    }
    return f;
}

void parse_maps(std::string_view text, std::vector<SeenMap>& into) {
    while (!text.empty()) {
        Words w(next_line(text));
        const auto range = w.next(), rights = w.next();
        SeenMap m;
        const auto dash = range.find('-');
        if (dash == range.npos || rights.size() != 4 || !Words::number(range.substr(0, dash), m.start, 16) ||
            !Words::number(range.substr(dash + 1), m.end, 16) || !w.take(m.offset, 16) ||
            !device(w.next(), m.file.dev, 16) || !w.take(m.file.ino))
            continue;
        const auto name = w.rest();
        m.write = rights[1] == 'w', m.shared = rights[3] == 's';
        const bool ours = name.starts_with("/SYSV") || name.starts_with("/memfd:") || name.starts_with("/dev/shm/");
        if (!ours && (!m.shared || name.empty())) continue;
        m.name = name;
        into.push_back(std::move(m));
    }
}

std::optional<Blocked> parse_syscall(std::string_view text) {
    Words w(text);
    long number = -1;
    Blocked b;
    if (!w.take(number)) return {};
    b.in = sleeps_in(number);
    if (b.in == SleepsIn::other) return {};
    for (auto& a : b.args)
        if (!w.take(a, 16)) return {};
    b.timed = has_deadline(number, b.args);
#ifdef SYS_open
    if (number == SYS_open)
        b.args[2] = b.args[1], b.args[1] = b.args[0], b.args[0] = static_cast<std::uint64_t>(AT_FDCWD);
#endif
    return b;
}

std::vector<SemaphoreOp> parse_semaphore_ops(std::span<const std::byte> memory) {
    std::vector<SemaphoreOp> all;
    for (sembuf op; memory.size() >= sizeof op; memory = memory.subspan(sizeof op)) {
        std::memcpy(&op, memory.data(), sizeof op);
        all.push_back({.member = op.sem_num, .change = op.sem_op});
    }
    return all;
}

// "1: -> POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF"
std::optional<FileLock> parse_lock(std::string_view line) {
    Words w(line);
    FileLock l;
    if (!w.next().ends_with(':')) return {};
    auto kind = w.next();
    if (kind == "->") l.waits = true, kind = w.next();
    l.kind = kind == "FLOCK"    ? LockKind::flock
             : kind == "POSIX"  ? LockKind::posix
             : kind == "OFDLCK" ? LockKind::ofd
             : kind == "LEASE"  ? LockKind::lease
                                : LockKind::other;
    l.state = w.next();
    const auto access = w.next();
    if (access != "READ" && access != "WRITE" && access != "UNLCK" && access != "RW") return {};
    l.write = access == "WRITE" || access == "RW";
    if (!w.take(l.pid)) return {};
    const auto file = w.next();
    const auto colon = file.rfind(':');
    if (colon == file.npos || !device(file.substr(0, colon), l.file.dev, 16) ||
        !Words::number(file.substr(colon + 1), l.file.ino) || !w.take(l.start))
        return {};
    const auto end = w.next();
    if (end != "EOF" && !Words::number(end, l.end)) return {};
    return l;
}

std::vector<FileLock> parse_locks(std::string_view text) {
    std::vector<FileLock> all;
    while (!text.empty())
        if (auto l = parse_lock(next_line(text))) all.push_back(std::move(*l));
    return all;
}

// "25 24 0:23 / /dev/shm rw,relatime shared:3 - tmpfs tmpfs rw": optional fields end at the dash.
std::vector<Mount> parse_mountinfo(std::string_view text) {
    std::vector<Mount> all;
    while (!text.empty()) {
        Words w(next_line(text));
        Mount m;
        w.skip(2);
        if (!device(w.next(), m.dev, 10)) continue;
        m.root = undone(w.next()), m.point = undone(w.next());
        auto word = w.next();
        while (!word.empty() && word != "-") word = w.next();
        m.type = w.next();
        if (!m.type.empty()) all.push_back(std::move(m));
    }
    return all;
}

std::optional<std::uint64_t> bracketed(std::string_view target, std::string_view word) {
    std::uint64_t n = 0;
    if (!target.starts_with(word) || !target.substr(word.size()).starts_with(":[") || !target.ends_with(']')) return {};
    target.remove_prefix(word.size() + 2);
    return Words::number(target.substr(0, target.size() - 1), n) ? std::optional(n) : std::nullopt;
}

}  // namespace wye::sys
