// The present use of what files and queues tell; of sockets and cgroups see sources_net.cpp, sources_group.cpp.
#include "os/limits/sources.hpp"

#include "wye/base/text.hpp"
#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/usage/proc_text.hpp"
#include "os/usage/queues.hpp"

#include <sys/vfs.h>

#include <algorithm>

namespace wye::sys {
namespace {

std::uint64_t page_size() noexcept { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

void add(std::vector<Share>& shares, uid_t user, std::uint64_t n) {
    const auto found = std::ranges::find(shares, user, &Share::user);
    if (found == shares.end())
        shares.push_back({user, n, {}});
    else
        found->used += n;
}

// Without a wrap: the sizes are others' to choose.
std::uint64_t plus(std::uint64_t a, std::uint64_t b) noexcept { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

std::vector<Reading> unread(Reading r, const Error& e) {
    r.note = e.message();
    return {std::move(r)};
}

std::string process_name(const ProcessUse& p) { return "pid " + std::to_string(p.pid) + " " + p.name; }

}  // namespace

Reading plain_reading(const View& v, const Limit& l) {
    Reading r;
    r.ceiling = l.ceiling.here();
    if (l.scope == Scope::ipc) r.where = v.ipc;
    if (l.scope == Scope::net) r.where = v.net;
    return r;
}

std::vector<Reading> sysv_rows(const View& v, const Limit& l, const char* kind) {
    auto r = plain_reading(v, l);
    const auto text = read_whole(std::string("/proc/sysvipc/") + kind);
    if (!text) return unread(std::move(r), text.error());
    const Columns c(*text);
    r.used = c.rows();
    for (std::size_t i = 0; i < c.rows(); ++i) add(r.shares, static_cast<uid_t>(c.at(i, "uid")), 1);
    return {std::move(r)};
}

std::vector<Reading> sysv_sum(const View& v, const Limit& l, const char* kind, const char* column) {
    auto r = plain_reading(v, l);
    const auto text = read_whole(std::string("/proc/sysvipc/") + kind);
    if (!text) return unread(std::move(r), text.error());
    const Columns c(*text);
    const auto unit = l.unit == Unit::pages ? page_size() : 1;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < c.rows(); ++i) {
        const auto n = c.at(i, column);
        const auto units = n / unit + (n % unit ? 1 : 0);
        sum = plus(sum, units);
        add(r.shares, static_cast<uid_t>(c.at(i, "uid")), units);
    }
    r.used = sum;
    return {std::move(r)};
}

std::vector<Reading> sysv_largest(const View& v, const Limit& l, const char* kind, const char* column) {
    auto r = plain_reading(v, l);
    const auto text = read_whole(std::string("/proc/sysvipc/") + kind);
    if (!text) return unread(std::move(r), text.error());
    const Columns c(*text);
    r.used = 0;
    for (std::size_t i = 0; i < c.rows(); ++i)
        if (const auto n = c.at(i, column); n > *r.used) {
            r.used = n;
            r.shares = {{static_cast<uid_t>(c.at(i, "uid")), n, {}}};
        }
    return {std::move(r)};
}

std::vector<Reading> fullest_sysv_queue(const View& v, const Limit& l) {
    auto best = plain_reading(v, l);
    msginfo info{};
    const long last = sys::msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds*>(&info));
    bool any = false;
    for (int i = 0; i <= last; ++i) {
        msqid_ds d{};
        const long id = sys::msgctl(i, 13 /* MSG_STAT_ANY, Linux 4.17 */, &d);
        if (id < 0) continue;
        Reading r = best;
        // msg_qbytes bounds the number of messages as well: msgsnd(2).
        r.used = std::max<std::uint64_t>(d.__msg_cbytes, d.msg_qnum);
        r.ceiling = d.msg_qbytes;
        r.where = "msqid " + std::to_string(id);
        r.shares = {{d.msg_perm.uid, *r.used, {}}};
        if (!any || r.part() > best.part()) best = std::move(r);
        any = true;
    }
    if (!any) best.used = 0;
    return {std::move(best)};
}

std::vector<Reading> queue_count(const View& v, const Limit& l) {
    auto r = plain_reading(v, l);
    const auto queues = look_at_queues();
    if (!queues) return unread(std::move(r), queues.error());
    r.used = queues->size();
    for (const auto& q : *queues) add(r.shares, q.user, 1);
    return {std::move(r)};
}

std::vector<Reading> queue_bytes(const View& v, const Limit& l) {
    const auto queues = look_at_queues();
    if (!queues) return unread(plain_reading(v, l), queues.error());
    std::vector<Share> users;
    std::vector<uid_t> hidden;
    for (const auto& q : *queues) {
        add(users, q.user, q.charged());
        if (!q.known) hidden.push_back(q.user);
    }
    std::vector<Reading> out;
    for (const auto& u : users) {
        Reading r;
        r.user = u.user;
        r.ceiling = v.usage.least_limit(u.user, l.ceiling.rlimit);
        if (!r.ceiling) r.note = "no process of this user runs, so there is nobody with a limit";
        if (std::ranges::find(hidden, u.user) == hidden.end())
            r.used = u.used;
        else
            r.note = "a queue of this user cannot be read";
        const auto n = std::ranges::count(*queues, u.user, &QueueUse::user);
        r.shares = {{u.user, u.used, std::to_string(n) + (n == 1 ? " queue" : " queues")}};
        out.push_back(std::move(r));
    }
    if (out.empty()) {
        out.push_back(plain_reading(v, l));
        out[0].used = 0;
    }
    return out;
}

std::vector<Reading> fullest_queue(const View& v, const Limit& l) {
    auto best = plain_reading(v, l);
    const auto queues = look_at_queues();
    if (!queues) return unread(std::move(best), queues.error());
    if (queues->empty()) best.used = 0;
    for (const auto& q : *queues) {
        if (!q.known) {
            best.note = "a queue that cannot be read is left out";
            continue;
        }
        Reading r = best;
        r.used = q.messages;
        r.ceiling = q.most;
        r.where = q.name;
        r.shares = {{q.user, q.messages, {}}};
        if (!best.used || r.part() > best.part()) best = std::move(r);
    }
    return {std::move(best)};
}

std::vector<Reading> nearest_process(const View& v, const Limit& l,
                                     std::optional<std::uint64_t> (*use)(const ProcessUse&)) {
    auto best = plain_reading(v, l);
    best.note = "no process can be read";
    bool any = false;
    for (const auto& p : v.usage.processes) {
        const auto used = use(p);
        if (!used) continue;
        Reading r;
        r.where = process_name(p);
        r.user = p.user;
        r.used = used;
        r.ceiling = l.ceiling.rlimit ? soft_limit(p.limits, l.ceiling.rlimit) : l.ceiling.here();
        if (any && r.part() <= best.part()) continue;
        r.shares = {{p.user, *used, {}}};
        best = std::move(r);
        any = true;
    }
    if (any && best.used == 0) {  // then it is nobody's in particular
        best = plain_reading(v, l);
        best.used = 0;
    }
    return {std::move(best)};
}

namespace {

// "pid 88 node: 64": of this user's processes the one that has most.
std::string hungriest(const View& v, uid_t user, std::uint64_t (*most)(const ProcessUse&)) {
    const ProcessUse* best = nullptr;
    for (const auto& p : v.usage.processes)
        if (p.user == user && most(p) > (best ? most(*best) : 0)) best = &p;
    return best ? process_name(*best) + ": " + std::to_string(most(*best)) : std::string();
}

}  // namespace

std::vector<Reading> each_user(const View& v, const Limit& l, std::uint64_t (*use)(const UserUse&),
                               std::uint64_t (*most)(const ProcessUse&)) {
    std::vector<Reading> out;
    for (const auto& [user, u] : v.usage.users) {
        const auto used = use(u);
        if (used == 0) continue;
        Reading r;
        r.user = user;
        r.used = used;
        r.ceiling = l.ceiling.rlimit ? v.usage.least_limit(user, l.ceiling.rlimit) : l.ceiling.here();
        if (l.ceiling.file && r.ceiling == 0) r.ceiling = no_ceiling;  // pipe-user-pages-hard: 0 is off
        r.shares = {{user, used, most ? hungriest(v, user, most) : std::string()}};
        out.push_back(std::move(r));
    }
    if (out.empty()) {
        out.push_back(plain_reading(v, l));
        out[0].used = 0;
    }
    return out;
}

std::vector<Reading> from_file(const View& v, const Limit& l, const char* file, unsigned field) {
    auto r = plain_reading(v, l);
    const auto text = read_whole(file);
    if (!text) return unread(std::move(r), text.error());
    r.used = nth_number(*text, field);
    return {std::move(r)};
}

std::vector<Reading> open_files(const View& v, const Limit& l) {
    auto all = from_file(v, l, "/proc/sys/fs/file-nr", 0);
    for (const auto& p : v.usage.processes)
        if (p.descriptors.value_or(0) != 0) add(all[0].shares, p.user, *p.descriptors);
    return all;
}

std::vector<Reading> from_key(const View& v, const Limit& l, const char* file, const char* key) {
    auto r = plain_reading(v, l);
    const auto text = read_whole(file);
    if (!text) return unread(std::move(r), text.error());
    // "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0"
    std::string_view rest = *text;
    while (!rest.empty()) {
        auto line = take_line(rest);
        if (!line.starts_with(key)) continue;
        while (!line.empty())
            if (take_word(line) == "mem") r.used = nth_number(line, 0);
    }
    return {std::move(r)};
}

std::vector<Reading> huge_pages(const View& v, const Limit& l) {
    auto r = plain_reading(v, l);
    const auto text = read_whole("/proc/meminfo");
    if (!text) return unread(std::move(r), text.error());
    const auto all = number_after(*text, "HugePages_Total:"), free = number_after(*text, "HugePages_Free:");
    if (all && free && *free <= *all) r.used = *all - *free;
    return {std::move(r)};
}

std::vector<Reading> tasks(const View& v, const Limit& l) {
    auto r = plain_reading(v, l);
    std::uint64_t sum = 0;
    for (const auto& [user, u] : v.usage.users) {
        sum = plus(sum, u.threads);
        if (u.threads > 0) r.shares.push_back({user, u.threads, {}});
    }
    r.used = sum;
    return {std::move(r)};
}

namespace {

// Objects of /dev/shm, what stat(2) says of them.
void shares_of_shm(Reading& r, std::uint64_t (*of)(const struct stat&)) {
    const Fd d(static_cast<int>(sys::open("/dev/shm", O_RDONLY | O_DIRECTORY)));
    const auto names = names_in("/dev/shm");
    if (!names || d.get() < 0) return;
    for (const auto& name : *names) {
        struct stat s{};
        if (sys::lstatat(d.get(), name.c_str(), &s) == 0) add(r.shares, s.st_uid, of(s));
    }
}

std::vector<Reading> shm(const View& v, const Limit& l, void (*fill)(const struct statfs&, Reading&),
                         std::uint64_t (*of)(const struct stat&)) {
    auto r = plain_reading(v, l);
    r.where = "/dev/shm";
    struct statfs s{};
    if (const long e = call(Call::statfs, [&] { return ::statfs("/dev/shm", &s); }); e < 0)
        return unread(std::move(r), error(e, "statfs", "/dev/shm"));
    fill(s, r);
    shares_of_shm(r, of);
    return {std::move(r)};
}

}  // namespace

std::vector<Reading> shm_space(const View& v, const Limit& l) {
    return shm(
        v, l,
        [](const struct statfs& s, Reading& r) {
            r.ceiling = s.f_blocks == 0 ? no_ceiling : s.f_blocks * static_cast<std::uint64_t>(s.f_bsize);
            r.used = (s.f_blocks - s.f_bfree) * static_cast<std::uint64_t>(s.f_bsize);
        },
        [](const struct stat& s) { return static_cast<std::uint64_t>(s.st_blocks) * 512; });
}

std::vector<Reading> shm_names(const View& v, const Limit& l) {
    return shm(
        v, l,
        [](const struct statfs& s, Reading& r) {
            r.ceiling = s.f_files == 0 ? no_ceiling : s.f_files;
            r.used = s.f_files - s.f_ffree;
        },
        [](const struct stat&) { return std::uint64_t{1}; });
}

}  // namespace wye::sys
