#pragma once
#include "wye/core/mechanism.hpp"
#include "wye/core/segment.hpp"
#include "wye/os/fd.hpp"

#include <memory>
#include <string>

namespace wye {

/// POSIX shared memory: a file in /dev/shm, known by a name such as "/frames" to every program of this host.
///
/// It is never seen half made. It gets its pages and its first content without a name, and then the name at once: an
/// opener finds all of it, two makers make one, and a killed one leaves nothing. What shm_open(3) programs make is
/// opened too; one that has not been given its size yet is Errc::mismatch.
///
/// Not for: peers you do not trust (see Memfd): whoever may write may also cut the file off with ftruncate(2), and then
/// our next touch beyond its end is SIGBUS. What hurts: it stays until somebody removes it or the machine starts again.
/// When it is removed while mapped, its users keep theirs and later openers make another: ask retired() when a peer has
/// been silent. Anybody may write in /dev/shm, so somebody may have taken the name first: Create::if_missing refuses
/// what neither we nor root made (Errc::denied).
///
/// Threads: the pages are everybody's; a handle is one thread's. After fork: both processes have it. After exec: gone.
/// shm_overview(7), shm_open(3), mmap(2).
class PosixShm {
public:
    static constexpr Traits traits{.scheme = "posix-shm",
                                   .name = "shared memory (POSIX)",
                                   .timing = Timing::async,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .ordered = false,
                                   .lossless = false,
                                   .sees_close = false,
                                   .empty_messages = false,
                                   .many_writers = false};

    /// `fill` runs when it is created here, and not when it was there; also when it then turns out that another was
    /// quicker. Errc::mismatch when what is there is smaller than `size`, or no file. Errc::exhausted when /dev/shm is
    /// full: nothing is left of it then.
    [[nodiscard]] static Result<PosixShm> open(const std::string& name, SegmentOptions = {}, const FillSegment& = {});
    PosixShm(PosixShm&&) noexcept;
    PosixShm& operator=(PosixShm&&) noexcept;
    ~PosixShm();

    Bytes bytes() const noexcept;
    MutBytes mut_bytes() noexcept;
    std::size_t size() const noexcept { return bytes().size(); }
    /// One system call: for the slow path, when a peer was silent for a while.
    Result<bool> retired() const;
    int native_handle() const noexcept;

private:
    struct State;
    explicit PosixShm(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

extern const Mechanism posix_shm_mechanism;

static_assert(SharedMemory<PosixShm>);

}  // namespace wye
