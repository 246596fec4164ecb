// sysv-sem: in the table of means.
#include "wye/sync/sysv_semaphore.hpp"

#include "io/sysv_path.hpp"
#include "os/errno.hpp"
#include "os/sem_calls.hpp"
#include "os/small_file.hpp"
#include "os/sysv_key.hpp"

#include <cstdio>

namespace wye {
namespace {

constexpr std::string_view example = "sysv-sem:/etc/hostname#7";
constexpr Param params[] = {{"index", "N", "which of a set that is there (default 0)"},
                            {"initial", "N", "units, when it is made"}};

Result<SysvSemaphore> open_address(const Uri& uri, SemaphoreOptions o, Deadline d) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    WYE_TRY(const auto index, uri.number("index", 0));
    WYE_TRY(const auto initial, uri.number("initial", o.initial));
    if (initial > SysvSemaphore::max_value) return uri.refuse("a value goes up to 32767", example);
    o.initial = static_cast<unsigned>(initial);
    if (index > UINT16_MAX) return uri.refuse("an index has 16 bits", "sysv-sem:key=0x51?index=1");
    const auto which = static_cast<unsigned>(index);
    if (a.is_id || which > 0) {
        if (o.create != Create::never)
            return uri.refuse(a.is_id ? "an id is given by the kernel and cannot be created"
                                      : "a set of several cannot be made by a URI",
                              "sysv-sem:key=0x51");
        WYE_TRY(const auto set,
                a.is_id ? SysvSemaphoreSet::open_id(a.number, d) : SysvSemaphoreSet::open(a.number, {}, d));
        WYE_CHECK(check_path("sysv-sem", a, set.id(), o.create));
        return set.at(which);
    }
    WYE_TRY(const auto s, SysvSemaphore::open(a.number, o, d));
    WYE_CHECK(check_path("sysv-sem", a, s.id(), o.create));
    return s;
}

Result<Semaphore> open_semaphore(const Uri& uri, const SemaphoreOptions& o, Deadline d) {
    WYE_TRY(auto s, open_address(uri, o, d));
    return Semaphore(s);
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_CHECK(open_address(uri, {.create = how.create, .permissions = how.permissions}, Deadline::never()));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto a, sysv_address(uri, example));
    // Removing asks for ownership and not for permission bits, so none are asked for here.
    const long id = a.is_id ? a.number : sys::semget(a.number, 0, 0);
    if (id < 0) return sys::fail(id, "semget", uri.text());
    WYE_CHECK(check_path("sysv-sem", a, static_cast<int>(id), Create::never));
    semid_ds d{};
    long r = sys::semctl(static_cast<int>(id), 0, IPC_STAT, {.stat = &d});
    if (!o.dry_run && (r == 0 || r == -EACCES)) r = sys::semctl(static_cast<int>(id), 0, IPC_RMID);
    if (r == -EINVAL || r == -EIDRM) return fail(Errc::not_found, "semctl", uri.text());
    if (r < 0 && !(o.dry_run && r == -EACCES)) return sys::fail(r, "semctl", uri.text());  // EACCES: it is there
    if (!o.dry_run) forget_path("sysv-sem", a.is_id ? d.sem_perm.__key : a.number, static_cast<int>(id));
    return {};
}

Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto table, sys::read_whole("/proc/sysvipc/sem"));
    std::size_t at = table.find('\n');
    while (at != std::string::npos && at + 1 < table.size()) {
        int key = 0, id = 0;
        unsigned mode = 0, uid = 0;
        unsigned long members = 0;
        if (std::sscanf(table.c_str() + at + 1, "%d %d %o %lu %u", &key, &id, &mode, &members, &uid) == 5)
            visit({.uri = key == 0 ? "sysv-sem:id=" + std::to_string(id) : "sysv-sem:key=" + sys::key_text(key),
                   .owner = uid,
                   .mode = mode,
                   .items = members});
        at = table.find('\n', at + 1);
    }
    return {};
}

std::vector<std::string> scratch(const std::string&) {
    const auto key = sys::unused_key([](std::int32_t k) { return sys::semget(k, 0, 0); });
    return {"sysv-sem:key=" + sys::key_text(key)};
}

}  // namespace

void see_sysv_semaphores(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism sysv_semaphore_mechanism{
    .traits = SysvSemaphore::traits,
    .summary = "a count that waits for units, kept by the kernel; a dead holder's unit comes back",
    .example = example,
    .params = params,
    .fragment = true,
    .open_semaphore = open_semaphore,
    .make = make,
    .remove = remove,
    .list = list,
    .see = see_sysv_semaphores,
    .scratch = scratch,
};

}  // namespace wye
