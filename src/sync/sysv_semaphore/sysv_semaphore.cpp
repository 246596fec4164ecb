// A System V semaphore, and the set it is in. How a set gets its first values is in first_values.cpp.
#include "wye/sync/sysv_semaphore.hpp"

#include "io/sysv_path.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/sem_calls.hpp"
#include "os/sysv_key.hpp"
#include "os/wait.hpp"
#include "sync/sysv_semaphore/first_values.hpp"

#include <algorithm>
#include <array>

namespace wye {
namespace {

// EINVAL can only be a set that has gone: everything else is checked before.
[[gnu::cold, gnu::noinline]] std::unexpected<Error> failed(long r, const char* op) {
    if (r == -EAGAIN) return fail(Errc::timed_out);
    if (r == -EINVAL) r = -EIDRM;
    if (r == -ERANGE) return std::unexpected(Error(Errc::exhausted, op, {}, ERANGE));
    return sys::fail(r, op);
}

std::chrono::system_clock::time_point time_of(long seconds) { return std::chrono::system_clock::from_time_t(seconds); }

// The kernel's own deadline is a time from now, so after a signal it is told what is left.
[[gnu::cold, gnu::noinline]] long wait_on(int id, std::span<sembuf> ops, Deadline d) noexcept {
    for (auto& op : ops) op.sem_flg = static_cast<short>(op.sem_flg & ~IPC_NOWAIT);
    for (;;) {
        const bool last = d.passed();
        const sys::Left left(d);
        const long r = sys::semop(id, ops.data(), ops.size(), left.get());
        if (r != -EINTR && (r != -EAGAIN || last)) return r;
    }
}

// One try inline; never() waits in it.
[[gnu::always_inline]] inline long change(int id, std::span<sembuf> ops, Deadline d) noexcept {
    if (!d.is_never())
        for (auto& op : ops) op.sem_flg = static_cast<short>(op.sem_flg | IPC_NOWAIT);
    const long r = sys::semop(id, ops.data(), ops.size(), nullptr);
    if (r == -EINTR || (r == -EAGAIN && !d.is_now())) [[unlikely]]
        return wait_on(id, ops, d);
    return r;
}
[[gnu::always_inline]] inline Result<> step(int id, unsigned short index, short by, short flags, Deadline d) {
    sembuf op{.sem_num = index, .sem_op = by, .sem_flg = flags};
    const long r = change(id, {&op, 1}, d);
    if (r < 0) [[unlikely]]
        return failed(r, "semop");
    return {};
}

// All that giving back needs is in the number, so a permit does not mind where its semaphore was moved to.
std::uint64_t unit_of(int id, unsigned short index) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(id)} << 32 | std::uint64_t{index} << 16 |
           (sys::fork_generation() & 0xffff);
}
Result<> give_back(void*, std::uint64_t unit) {
    if ((unit & 0xffff) != (sys::fork_generation() & 0xffff)) return {};
    return step(static_cast<int>(unit >> 32), static_cast<unsigned short>(unit >> 16), 1, SEM_UNDO, Deadline::now());
}

Result<unsigned> ask(int id, unsigned index, int what) {
    const long r = sys::semctl(id, static_cast<int>(index), what);
    if (r < 0) return failed(r, "semctl");
    return static_cast<unsigned>(r);
}

}  // namespace

// ---------------------------------------------------------------- life

Result<std::int32_t> SysvSemaphore::key_of(const std::string& path, unsigned project) {
    return sys::sysv_key(path, project);
}

Result<SysvSemaphore> SysvSemaphore::open(std::int32_t key, SemaphoreOptions o, Deadline d) {
    const std::array initial{o.initial};
    WYE_TRY(const auto set, open_set(key, o.create, o.permissions, initial, d));
    return SysvSemaphore(set.id, 0);
}

Result<SysvSemaphoreSet> SysvSemaphoreSet::open(std::int32_t key, SysvSemaphoreSetOptions o, Deadline d) {
    WYE_TRY(const auto set, open_set(key, o.create, o.permissions, o.initial, d));
    if (o.create == Create::if_missing && set.size != o.initial.size())
        return refuse(Errc::mismatch, "key=" + sys::key_text(key) + ": is there with " + std::to_string(set.size) +
                                          " semaphores, not " + std::to_string(o.initial.size()));
    return SysvSemaphoreSet(set.id, set.size);
}

Result<SysvSemaphoreSet> SysvSemaphoreSet::open_id(int id, Deadline d) {
    WYE_TRY(const auto set, find_set(id, d));
    return SysvSemaphoreSet(set.id, set.size);
}

Result<SysvSemaphore> SysvSemaphoreSet::at(unsigned index) const {
    if (index < size_) return SysvSemaphore(id_, index);
    return refuse(Errc::not_found, "id=" + std::to_string(id_) + ": no semaphore " + std::to_string(index) +
                                       " in a set of " + std::to_string(size_));
}

// ---------------------------------------------------------------- work

Result<Permit> SysvSemaphore::acquire(Deadline d) {
    const auto unit = unit_of(id_, index_);
    sembuf op{.sem_num = index_, .sem_op = -1, .sem_flg = SEM_UNDO};
    const long r = change(id_, {&op, 1}, d);
    if (r < 0) [[unlikely]]
        return failed(r, "semop");
    return Permit(give_back, nullptr, unit);
}

Result<> SysvSemaphore::wait(Deadline d) { return step(id_, index_, -1, 0, d); }
Result<> SysvSemaphore::post() { return step(id_, index_, 1, 0, Deadline::never()); }
Result<> SysvSemaphore::wait_zero(Deadline d) { return step(id_, index_, 0, 0, d); }

Result<> SysvSemaphoreSet::operate(std::span<const SemOp> steps, Deadline d) {
    if (steps.empty()) return {};
    std::vector<sembuf> ops;
    for (const auto& s : steps) {
        if (s.index >= size_)
            return refuse(Errc::not_found,
                          "semop: no semaphore " + std::to_string(s.index) + " in a set of " + std::to_string(size_));
        constexpr int most = SysvSemaphore::max_value;
        if (s.change > most || s.change < -most) return fail(Errc::exhausted, "semop");
        ops.push_back({.sem_num = static_cast<unsigned short>(s.index),
                       .sem_op = static_cast<short>(s.change),
                       .sem_flg = static_cast<short>(s.undo ? SEM_UNDO : 0)});
    }
    const long r = change(id_, ops, d);
    if (r < 0) return failed(r, "semop");
    return {};
}

// ---------------------------------------------------------------- looking

Result<unsigned> SysvSemaphore::value() const { return ask(id_, index_, GETVAL); }

Result<SysvSemaphoreWaiters> SysvSemaphore::waiters() const {
    WYE_TRY(const auto unit, ask(id_, index_, GETNCNT));
    WYE_TRY(const auto zero, ask(id_, index_, GETZCNT));
    return SysvSemaphoreWaiters{unit, zero};
}

Result<std::int32_t> SysvSemaphore::last_pid() const {
    WYE_TRY(const auto pid, ask(id_, index_, GETPID));
    return static_cast<std::int32_t>(pid);
}

Result<SysvSemaphoreStat> SysvSemaphore::stat() const {
    semid_ds d{};
    if (const long r = sys::semctl(id_, 0, IPC_STAT, {.stat = &d}); r < 0) return failed(r, "semctl");
    return SysvSemaphoreStat{.id = id_,
                             .key = d.sem_perm.__key,
                             .owner = d.sem_perm.uid,
                             .group = d.sem_perm.gid,
                             .creator = d.sem_perm.cuid,
                             .creator_group = d.sem_perm.cgid,
                             .mode = d.sem_perm.mode & 0777u,
                             .members = static_cast<unsigned>(d.sem_nsems),
                             .last_operation = time_of(d.sem_otime),
                             .last_change = time_of(d.sem_ctime)};
}

Result<std::vector<unsigned>> SysvSemaphoreSet::values() const {
    WYE_TRY(const auto s, stat());
    std::vector<unsigned short> all(s.members);
    if (const long r = sys::semctl(id_, 0, GETALL, {.values = all.data()}); r < 0) return failed(r, "semctl");
    return std::vector<unsigned>(all.begin(), all.begin() + size_);
}

Result<> SysvSemaphore::remove() {
    const auto before = stat();
    const long r = sys::semctl(id_, 0, IPC_RMID);
    if (r == -EINVAL || r == -EIDRM) return fail(Errc::not_found, "semctl");
    if (r < 0) return sys::fail(r, "semctl");
    if (before) forget_path("sysv-sem", before->key, id_);
    return {};
}

}  // namespace wye
