#pragma once
#include "wye/core/mechanism.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace wye {

// The C library's, of a sem_t: inline below, for a function around them costs a fifth of what they do.
namespace libc {
int sem_post(void*) noexcept asm("sem_post");
int sem_trywait(void*) noexcept asm("sem_trywait");
}  // namespace libc

/// A named POSIX semaphore: a count in a page that processes share. Without anybody waiting, taking and giving make no
/// system call (some 10 ns); the kernel is asked only to wait and to wake.
///
/// Not for: a mutex, or anything that must go on when a process is killed. **The unit of a holder that dies is lost,
/// for ever**: nobody, not even the kernel, knows who held it (`traits.permits_return` is false, and a Permit here is
/// given back by its destructor alone). SysvSemaphore and `shm-sem:` give units back.
/// What hurts: who may open it may also write any value into it, for it is plain memory (/dev/shm/sem.NAME); its name
/// lies in a directory where everybody may make names. Removing the name wakes nobody: who has it open goes on with
/// it, and who opens the name anew gets another semaphore.
///
/// The umask neither narrows nor widens the permissions. Deadlines go by the monotonic clock (sem_clockwait(3);
/// sem_timedwait(3) goes by the one that people set). Threads: any number may use one object at once. After fork():
/// both processes have it; a copied Permit does nothing. exec() loses the object and its Permits: they are not given
/// back. sem_overview(7).
class PosixSemaphore {
public:
    static constexpr Traits traits{.scheme = "posix-sem",
                                   .name = "semaphore (POSIX)",
                                   .timing = Timing::async,
                                   .direction = Direction::one_way,
                                   .data = Data::none,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .sees_close = false};
    static constexpr unsigned max_value = 2147483647;

    /// `/name`, as in sem_overview(7). Permissions and value are those of who made it: where it is there already,
    /// Create::if_missing uses neither, and answers Errc::denied for one that neither this user nor root made.
    [[nodiscard]] static Result<PosixSemaphore> open(const std::string& name, SemaphoreOptions = {});
    PosixSemaphore(PosixSemaphore&& o) noexcept : semaphore_(std::exchange(o.semaphore_, nullptr)) {}
    PosixSemaphore& operator=(PosixSemaphore&& o) noexcept {
        std::swap(semaphore_, o.semaphore_);
        return *this;
    }
    ~PosixSemaphore();

    /// A unit that its destructor gives back. Lost when this process dies.
    [[nodiscard]] Result<Permit> acquire(Deadline = Deadline::never());
    /// Takes a unit for good. Errc::timed_out.
    Result<> wait(Deadline d = Deadline::never()) {
        if (libc::sem_trywait(semaphore_) == 0) [[likely]]
            return {};
        return wait_for_unit(d);
    }
    /// Errc::exhausted at max_value. May be called in a signal handler.
    Result<> post() {
        if (libc::sem_post(semaphore_) == 0) [[likely]]
            return {};
        return post_again();
    }
    Result<unsigned> value() const;

private:
    explicit PosixSemaphore(void* s) noexcept : semaphore_(s) {}
    Result<> wait_for_unit(Deadline);
    Result<> post_again();
    void* semaphore_;  // a sem_t
};

extern const Mechanism posix_semaphore_mechanism;

static_assert(CountingSemaphore<PosixSemaphore>);

}  // namespace wye
