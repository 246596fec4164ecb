#pragma once
#include "wye/core/mechanism.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace wye {

/// What the kernel knows of a set (semctl(2), IPC_STAT).
struct SysvSemaphoreStat {
    using Time = std::chrono::system_clock::time_point;
    int id = -1;
    std::int32_t key = 0;
    std::uint32_t owner = 0, group = 0, creator = 0, creator_group = 0;
    unsigned mode = 0;                 ///< the nine permission bits
    unsigned members = 0;              ///< as ipcs(1) shows it: a set that wye made has one more than its semaphores
    Time last_operation, last_change;  ///< last_change: made, or its owner or mode changed
};

/// Who waits at the moment, for a unit and for the value 0.
struct SysvSemaphoreWaiters {
    unsigned for_unit = 0, for_zero = 0;
};

/// One step of an atomic operation on a set.
struct SemOp {
    unsigned index = 0;
    int change = 0;     ///< n adds, -n takes (and waits until it can), 0 waits for the value 0
    bool undo = false;  ///< the kernel takes the change back when this process ends
};

/// A System V counting semaphore: one member of a set that the kernel keeps until it is removed.
///
/// Not for: poll and epoll; short critical sections in shared memory (every operation is a system call, some 150 ns).
/// What hurts: a unit comes back when its holder dies, but nobody is told that it died: what the unit protected may be
/// half changed, so use it where the state can be checked or made again. System-wide limits are shared with everybody
/// (/proc/sys/kernel/sem). A value goes up to 32767.
///
/// Nobody ever sees it between its making and its first value: that value is set in one step, by whoever comes first,
/// so two makers at once and a maker that is killed half way both end well. There is no call that sets the value
/// later: it would wipe what the kernel owes to the holders.
///
/// Threads: any number may use one object at once. After fork(): both processes have the semaphore, but units held as
/// Permit stay the parent's, in the kernel (the child inherits no undo) as here (a copied Permit does nothing).
/// exec() keeps them: the unit then comes back when the new program ends. A Permit is the process's, not the thread's,
/// and must be released by the process that took it. semop(2), semctl(2), sysvipc(7).
class SysvSemaphore {
public:
    static constexpr Traits traits{.scheme = "sysv-sem",
                                   .name = "semaphore (SysV)",
                                   .timing = Timing::async,
                                   .direction = Direction::one_way,
                                   .data = Data::none,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .sees_close = false,
                                   .permits_return = true};
    static constexpr unsigned max_value = 32767;

    /// The key of a file, as ftok(3) makes it. The file must exist, and must not be replaced afterwards. Two files may
    /// have one key: a URI with a path refuses what was made for another one (Errc::mismatch), a key cannot.
    [[nodiscard]] static Result<std::int32_t> key_of(const std::string& path, unsigned project);

    /// A set with one semaphore, or the first of what is there. Errc::denied from Create::if_missing for one that
    /// neither this user nor root made; Create::never takes it. Errc::timed_out when another program made the set and
    /// has not given it a value within a second (or the deadline): only that case is waited for, by looking again.
    [[nodiscard]] static Result<SysvSemaphore> open(std::int32_t key, SemaphoreOptions = {},
                                                    Deadline = Deadline::never());

    /// A unit that comes back when this process dies, however it dies (SEM_UNDO).
    [[nodiscard]] Result<Permit> acquire(Deadline = Deadline::never());
    /// Takes a unit for good. Errc::timed_out; Errc::closed when it was removed, before or meanwhile.
    Result<> wait(Deadline = Deadline::never());
    /// Errc::exhausted at max_value.
    Result<> post();
    /// Until the value is 0.
    Result<> wait_zero(Deadline = Deadline::never());

    Result<unsigned> value() const;
    Result<SysvSemaphoreWaiters> waiters() const;
    /// The process that last changed this one; 0: nobody. It may have ended, and its number be another's.
    Result<std::int32_t> last_pid() const;
    Result<SysvSemaphoreStat> stat() const;
    int id() const noexcept { return id_; }
    unsigned index() const noexcept { return index_; }
    /// Ends the whole set for everybody; whoever waits gets Errc::closed. Only its owner, its creator and root may.
    Result<> remove();

private:
    friend class SysvSemaphoreSet;
    SysvSemaphore(int id, unsigned index) noexcept : id_(id), index_(static_cast<unsigned short>(index)) {}
    int id_;
    unsigned short index_;
};

struct SysvSemaphoreSetOptions {
    Create create = Create::never;
    unsigned permissions = 0600;
    std::vector<unsigned> initial = {1};  ///< a value for each semaphore, when the set is created
};

/// A set of System V semaphores, changed together: operate() does all of its steps at one moment or none.
/// SysvSemaphore says what holds for both.
class SysvSemaphoreSet {
public:
    /// Errc::mismatch when a set with another number of semaphores is there and one was to be made if missing.
    [[nodiscard]] static Result<SysvSemaphoreSet> open(std::int32_t key, SysvSemaphoreSetOptions = {},
                                                       Deadline = Deadline::never());
    /// By the kernel's number, as ipcs(1) shows it.
    [[nodiscard]] static Result<SysvSemaphoreSet> open_id(int id, Deadline = Deadline::never());

    unsigned size() const noexcept { return size_; }
    /// Errc::not_found beyond size().
    Result<SysvSemaphore> at(unsigned index) const;
    /// All steps at once, as soon as all of them can be. Errc::too_big beyond the system's SEMOPM (500).
    Result<> operate(std::span<const SemOp>, Deadline = Deadline::never());
    Result<std::vector<unsigned>> values() const;
    Result<SysvSemaphoreStat> stat() const { return SysvSemaphore(id_, 0).stat(); }
    int id() const noexcept { return id_; }
    Result<> remove() { return SysvSemaphore(id_, 0).remove(); }

private:
    SysvSemaphoreSet(int id, unsigned size) noexcept : id_(id), size_(size) {}
    int id_;
    unsigned size_;
};

extern const Mechanism sysv_semaphore_mechanism;

static_assert(CountingSemaphore<SysvSemaphore>);

}  // namespace wye
