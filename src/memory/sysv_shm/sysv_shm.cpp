// A System V shared memory segment.
#include "wye/memory/sysv_shm.hpp"

#include "io/sysv_path.hpp"
#include "os/errno.hpp"
#include "os/memory.hpp"
#include "os/object.hpp"
#include "os/shm_calls.hpp"
#include "os/small_file.hpp"
#include "os/sysv_key.hpp"

#include <cstdio>
#include <map>

namespace wye {
namespace {

struct Row {
    int key = 0, id = 0;
    unsigned mode = 0, creator_pid = 0, last_pid = 0, owner = 0;
    unsigned long size = 0, attached = 0;
};

template <class F>
Result<> each_segment(F&& visit) {
    WYE_TRY(const auto table, sys::read_whole("/proc/sysvipc/shm"));
    std::size_t at = table.find('\n');
    while (at != std::string::npos && at + 1 < table.size()) {
        Row r;
        if (std::sscanf(table.c_str() + at + 1, "%d %d %o %lu %u %u %lu %u", &r.key, &r.id, &r.mode, &r.size,
                        &r.creator_pid, &r.last_pid, &r.attached, &r.owner) == 8)
            visit(r);
        at = table.find('\n', at + 1);
    }
    return {};
}

// ENOSPC is not a disk: which limit it is, how much is in use, and whose most of it is.
std::unexpected<Error> no_room(const std::string& subject, std::size_t size) {
    shminfo limit{};
    shm_info used{};
    (void)sys::shmctl(0, IPC_INFO, &limit);
    (void)sys::shmctl(0, SHM_INFO, &used);
    std::map<unsigned, unsigned long> users;
    (void)each_segment([&](const Row& r) { users[r.owner] += r.size; });
    std::string whose;
    unsigned long most = 0;
    for (const auto& [user, bytes] : users)
        if (bytes > most) {
            most = bytes;
            whose = "; user " + std::to_string(user) + " has the most, " + std::to_string(bytes) + " bytes";
        }
    return refuse(Errc::exhausted, "shmget(" + subject + "): no room for " + std::to_string(size) +
                                       " bytes: in use are " + std::to_string(used.used_ids) + " of " +
                                       std::to_string(limit.shmmni) + " segments (kernel.shmmni) and " +
                                       std::to_string(used.shm_tot) + " of " + std::to_string(limit.shmall) +
                                       " pages (kernel.shmall), one may have " + std::to_string(limit.shmmax) +
                                       " bytes (kernel.shmmax)" + whose + "; see ipcs -m");
}

bool gone(long r) noexcept { return r == -EINVAL || r == -EIDRM; }

SysvShmStat::Time time_of(long seconds) { return std::chrono::system_clock::from_time_t(seconds); }

}  // namespace

struct SysvShm::State {
    int id;
    sys::Attachment pages;
    std::size_t size;
    bool writable;
};

// ---------------------------------------------------------------- life

SysvShm::SysvShm(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
SysvShm::SysvShm(SysvShm&&) noexcept = default;
SysvShm& SysvShm::operator=(SysvShm&&) noexcept = default;
SysvShm::~SysvShm() = default;

Result<std::int32_t> SysvShm::key_of(const std::string& path, unsigned project) { return sys::sysv_key(path, project); }

Result<SysvShm> SysvShm::open(std::int32_t key, SegmentOptions o) {
    const auto subject = "key=" + sys::key_text(key);
    if (key == IPC_PRIVATE)
        return refuse(Errc::bad_address,
                      subject + ": the key 0 is IPC_PRIVATE, which makes another segment each time; use key=0x51");
    for (;;) {
        if (o.create != Create::never && o.size > 0) {
            const long made = sys::shmget(key, o.size, IPC_CREAT | IPC_EXCL | static_cast<int>(o.permissions & 0777));
            if (made >= 0) {
                auto s = attach(static_cast<int>(made), key, o, subject);
                if (!s) (void)sys::shmctl(static_cast<int>(made), IPC_RMID, nullptr);
                return s;
            }
            if (made == -ENOSPC || made == -ENOMEM || made == -EINVAL) return no_room(subject, o.size);
            if (made != -EEXIST || o.create == Create::exclusive) return sys::fail(made, "shmget", subject);
        }
        const long id = sys::shmget(key, 0, o.writable ? 0666 : 0444);
        const bool missing = id == -ENOENT && o.create == Create::if_missing;
        if (o.create == Create::exclusive || (missing && o.size == 0))
            return refuse(Errc::bad_address, subject + ": what is made needs a size, as in ?size=64K");
        if (missing) continue;  // removed between the two calls
        if (id < 0) return sys::fail(id, "shmget", subject);
        auto s = attach(static_cast<int>(id), key, o, subject);
        if (!s && s.error().is(Errc::not_found) && o.create == Create::if_missing) continue;  // likewise
        return s;
    }
}

Result<SysvShm> SysvShm::open_id(int id, SegmentOptions o) {
    o.create = Create::never;
    return attach(id, IPC_PRIVATE, o, "id=" + std::to_string(id));
}

Result<SysvShm> SysvShm::attach(int id, std::int32_t key, const SegmentOptions& o, const std::string& subject) {
    void* at = nullptr;
    long r = sys::shmat(id, o.writable ? 0 : SHM_RDONLY, &at);
    if (gone(r)) return wye::fail(Errc::not_found, "shmat", subject);
    if (r < 0) return sys::fail(r, "shmat", subject);
    auto state = std::make_unique<State>(id, sys::Attachment(at), 0, o.writable);
    // Only now: while it is attached it cannot become another.
    shmid_ds d{};
    r = sys::shmctl(id, IPC_STAT, &d);
    if (gone(r)) return wye::fail(Errc::not_found, "shmctl", subject);
    if (r < 0) return sys::fail(r, "shmctl", subject);
    // Removed since we looked the key up: the kernel attaches it all the same.
    if (key != IPC_PRIVATE && d.shm_perm.__key != key) return wye::fail(Errc::not_found, "shmctl", subject);
    if (o.create == Create::if_missing) WYE_CHECK(sys::trust_maker(d.shm_perm.cuid, subject));
    if (d.shm_segsz < o.size)
        return refuse(Errc::mismatch, subject + ": is there with " + std::to_string(d.shm_segsz) + " bytes, not " +
                                          std::to_string(o.size) + "; remove it first");
    state->size = d.shm_segsz;
    r = sys::populate(at, state->size, o.writable);
    if (r < 0) return sys::fail(r, "madvise", subject);
    return SysvShm(std::move(state));
}

// ---------------------------------------------------------------- work

Bytes SysvShm::bytes() const noexcept { return {static_cast<std::byte*>(state_->pages.get()), state_->size}; }
MutBytes SysvShm::mut_bytes() noexcept {
    if (!state_->writable) return {};
    return {static_cast<std::byte*>(state_->pages.get()), state_->size};
}
int SysvShm::id() const noexcept { return state_->id; }

Result<bool> SysvShm::retired() const {
    shmid_ds d{};
    const long r = sys::shmctl(state_->id, IPC_STAT, &d);
    if (r < 0 && !gone(r)) return sys::fail(r, "shmctl");
    return r < 0 || (d.shm_perm.mode & SHM_DEST) != 0;
}

Result<SysvShmStat> SysvShm::stat() const {
    shmid_ds d{};
    if (const long r = sys::shmctl(state_->id, IPC_STAT, &d); r < 0) return sys::fail(r, "shmctl");
    return SysvShmStat{.id = state_->id,
                       .key = d.shm_perm.__key,
                       .owner = d.shm_perm.uid,
                       .group = d.shm_perm.gid,
                       .creator = d.shm_perm.cuid,
                       .creator_group = d.shm_perm.cgid,
                       .mode = d.shm_perm.mode & 0777u,
                       .size = d.shm_segsz,
                       .attached = d.shm_nattch,
                       .creator_pid = d.shm_cpid,
                       .last_pid = d.shm_lpid,
                       .last_attach = time_of(d.shm_atime),
                       .last_detach = time_of(d.shm_dtime),
                       .last_change = time_of(d.shm_ctime),
                       .removed = (d.shm_perm.mode & SHM_DEST) != 0};
}

Result<> SysvShm::remove() {
    WYE_TRY(const bool before, retired());
    if (before) return fail(Errc::not_found, "shmctl");
    const auto seen = stat();
    const long r = sys::shmctl(state_->id, IPC_RMID, nullptr);
    if (gone(r)) return fail(Errc::not_found, "shmctl");
    if (r < 0) return sys::fail(r, "shmctl");
    if (seen) forget_path("sysv-shm", seen->key, state_->id);
    return {};
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "sysv-shm:/etc/hostname?size=64K#7";
constexpr Param params[] = {{"size", "SIZE", "bytes, when it is made; the least it must have, when it is opened"}};

Result<SysvShm> open_uri(const Uri& uri, SegmentOptions o) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    WYE_TRY(o.size, uri.size("size", o.size));
    if (uri.has("size") && o.size == 0) return uri.refuse("a segment of size 0 holds nothing", example);
    if (!a.is_id) {
        if (o.create == Create::exclusive && o.size == 0) return uri.refuse("what is made needs a size", example);
        WYE_TRY(auto s, SysvShm::open(a.number, o));
        WYE_CHECK(check_path("sysv-shm", a, s.id(), o.create));
        return s;
    }
    if (o.create != Create::never)
        return uri.refuse("an id is given by the kernel and cannot be created", "sysv-shm:key=0x51?size=64K");
    return SysvShm::open_id(a.number, o);
}

Result<Segment> open_segment(const Uri& uri, const SegmentOptions& o) {
    WYE_TRY(auto s, open_uri(uri, o));
    return Segment(std::move(s));
}

Result<> make(const Uri& uri, const OpenOptions& o) {
    WYE_CHECK(open_uri(uri, {.create = o.create, .permissions = o.permissions}));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    const long id = a.is_id ? a.number : sys::shmget(a.number, 0, 0);
    if (id < 0) return sys::fail(id, "shmget", uri.text());
    WYE_CHECK(check_path("sysv-shm", a, static_cast<int>(id), Create::never));
    shmid_ds d{};
    long r = sys::shmctl(static_cast<int>(id), IPC_STAT, &d);
    if (!o.dry_run && (r == 0 || r == -EACCES)) r = sys::shmctl(static_cast<int>(id), IPC_RMID, nullptr);
    if (gone(r)) return fail(Errc::not_found, "shmctl", uri.text());
    if (r < 0 && !(o.dry_run && r == -EACCES)) return sys::fail(r, "shmctl", uri.text());  // EACCES: it is there
    if (!o.dry_run) forget_path("sysv-shm", a.is_id ? d.shm_perm.__key : a.number, static_cast<int>(id));
    return {};
}

Result<> list(Visit<Object> visit) {
    return each_segment([&](const Row& r) {
        visit({.uri = r.key == 0 ? "sysv-shm:id=" + std::to_string(r.id) : "sysv-shm:key=" + sys::key_text(r.key),
               .owner = r.owner,
               .mode = r.mode & 0777u,
               .bytes = r.size,
               .items = r.attached});
    });
}

std::vector<std::string> scratch(const std::string&) {
    const auto key = sys::unused_key([](std::int32_t k) { return sys::shmget(k, 0, 0); });
    return {"sysv-shm:key=" + sys::key_text(key) + "?size=64K"};
}

}  // namespace

void see_sysv_shm(const sys::Snapshot&, Inventory&);  // see.cpp
Result<Inspection> inspect_sysv_shm(const Uri&);      // likewise

const Mechanism sysv_shm_mechanism{
    .traits = SysvShm::traits,
    .summary = "pages that several processes see at once, under a key",
    .example = example,
    .params = params,
    .fragment = true,
    .open_segment = open_segment,
    .make = make,
    .remove = remove,
    .list = list,
    .inspect = inspect_sysv_shm,
    .see = see_sysv_shm,
    .scratch = scratch,
};

}  // namespace wye
