#pragma once
#include "wye/core/mechanism.hpp"

namespace wye {

/// Every room of this build, in the order of the table of means.
std::span<const Mechanism* const> mechanisms() noexcept;

/// The room of a scheme, or null.
const Mechanism* find_mechanism(std::string_view scheme) noexcept;

/// Opens one end of what the URI names. Errc::bad_address says which part of the URI is wrong and shows a right one.
[[nodiscard]] Result<Channel> open(std::string_view uri, OpenOptions = {}, Deadline = Deadline::never());

/// Both ends of what has no name (`pipe:`, `socketpair:`), to be parted by fork().
[[nodiscard]] Result<ChannelPair> open_pair(std::string_view uri, OpenOptions = {});

/// A semaphore: `sysv-sem:`, `posix-sem:`, `shm-sem:`.
[[nodiscard]] Result<Semaphore> open_semaphore(std::string_view uri, SemaphoreOptions = {},
                                               Deadline = Deadline::never());

/// Shared memory: `sysv-shm:`, `posix-shm:`.
[[nodiscard]] Result<Segment> open_segment(std::string_view uri, SegmentOptions = {});

/// Creates the object and leaves it there (`wye mk`).
[[nodiscard]] Result<> make(std::string_view uri, OpenOptions = {});

/// Who takes part in it, and how far each is (`wye inspect`). Changes nothing.
[[nodiscard]] Result<Inspection> inspect(std::string_view uri);

/// Removes what the URI names (`wye rm`). What is open stays usable, as the kernel has it.
[[nodiscard]] Result<> remove(std::string_view uri, RemoveOptions = {});

}  // namespace wye
