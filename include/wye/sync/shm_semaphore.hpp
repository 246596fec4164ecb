#pragma once
#include "wye/core/mechanism.hpp"
#include "wye/core/semaphore.hpp"

#include <memory>
#include <string>

namespace wye {

struct ShmSemaphoreOptions : SemaphoreOptions {
    unsigned capacity = 0;  ///< the most units it will ever hold, when it is created; 0: initial, and 64 at least
};

/// A counting semaphore in shared pages whose permits come back when their holder dies, however it dies.
///
/// Each unit is one word: free, away, or the mark of its holder. Taking one and recording who has it is one
/// compare-and-swap, so there is no instruction at which a holder can be killed and its unit be lost or doubled. Death
/// is what the kernel says (the holder's file lock is gone), never a clock: a stopped or slow holder keeps its permit.
/// No system call is made while units are free and nobody sleeps.
///
/// Not for: other users (the file lies in a directory of this user's alone; sysv-sem has permissions); thousands of
/// units (finding one is a walk over the words); order (whoever comes at the right moment is next). What hurts: a
/// waiter looks for dead holders when it begins to wait and every 50 ms from then on, so a permit comes back to a
/// sleeper that much late. wait() takes a unit without a mark: that one is nobody's, and does not come back. Capacity
/// and initial value are the creator's. Threads: one handle serves all of a process. After fork: the child may
/// post(); to take a unit it opens its own (Errc::unsupported). After exec: gone, as by death. futex(2),
/// fcntl(2) on open file description locks, shm_overview(7).
class ShmSemaphore {
public:
    static constexpr Traits traits{.scheme = "shm-sem",
                                   .name = "shared-memory semaphore",
                                   .timing = Timing::async,
                                   .direction = Direction::one_way,
                                   .data = Data::none,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .permits_return = true};

    /// Errc::mismatch when something else, or another version's, has that name. Errc::exhausted when /dev/shm is full,
    /// or when 256 others have it open.
    [[nodiscard]] static Result<ShmSemaphore> open(const std::string& name, ShmSemaphoreOptions = {});
    ShmSemaphore(ShmSemaphore&&) noexcept;
    ShmSemaphore& operator=(ShmSemaphore&&) noexcept;
    ~ShmSemaphore();

    /// Errc::closed when the semaphore was removed, also while waiting.
    [[nodiscard]] Result<Permit> acquire(Deadline = Deadline::never());
    Result<> wait(Deadline = Deadline::never());
    /// Errc::exhausted at capacity().
    Result<> post();
    Result<unsigned> value();
    unsigned capacity() const noexcept;

private:
    struct State;
    explicit ShmSemaphore(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

extern const Mechanism shm_semaphore_mechanism;

static_assert(CountingSemaphore<ShmSemaphore>);

}  // namespace wye
