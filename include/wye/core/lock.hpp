#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/semaphore.hpp"

#include <concepts>
#include <string_view>

namespace wye {

/// A lock that is held: a Permit whose unit is the lock. Dropping it unlocks; release() does too, and says what went
/// wrong. After fork() it is the parent's; the copy in the child does nothing.
using Held = Permit;

struct LockTraits {
    std::string_view name;       ///< for people
    bool shared = true;          ///< lock_shared(): several at once
    bool freed_by_death = true;  ///< the kernel unlocks when the holder is killed
};

/// A lock between processes: a room of `sync/`. Errc::timed_out when it was not free in time; Deadline::now() asks
/// once.
template <class L>
concept Lock = requires(L& l, Deadline d) {
    { L::traits } -> std::convertible_to<LockTraits>;
    { l.lock(d) } -> std::same_as<Result<Held>>;
};

template <class L>
concept SharedLock = Lock<L> && requires(L& l, Deadline d) {
    { l.lock_shared(d) } -> std::same_as<Result<Held>>;
};

}  // namespace wye
