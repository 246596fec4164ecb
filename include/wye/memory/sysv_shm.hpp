#pragma once
#include "wye/core/mechanism.hpp"
#include "wye/core/segment.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace wye {

/// What the kernel knows of a segment (shmctl(2), IPC_STAT).
struct SysvShmStat {
    using Time = std::chrono::system_clock::time_point;
    int id = -1;
    std::int32_t key = 0;  ///< 0 when it has none: IPC_PRIVATE, or removed
    std::uint32_t owner = 0, group = 0, creator = 0, creator_group = 0;
    unsigned mode = 0;  ///< the nine permission bits
    std::uint64_t size = 0, attached = 0;
    std::int32_t creator_pid = 0, last_pid = 0;  ///< last: who attached or detached; 0: nobody yet
    Time last_attach, last_detach, last_change;  ///< the epoch: never
    bool removed = false;                        ///< SHM_DEST: it goes when the last user does
};

/// A System V shared memory segment, known by a key.
///
/// Not for: new programs that are free to choose (PosixShm has names, and is never seen half made). What hurts: the
/// kernel makes and names it in one step, so an opener may see it before its maker wrote anything: all of its bytes,
/// zero. A maker that is killed leaves it so. It stays until somebody removes it; removed while attached, its users
/// keep it (together) and the next open of the key makes a second one: two groups that never meet. retired() tells the
/// first. Removing early is also the cure against leaks: once everybody has it, remove() lets it go with its last user,
/// however that one ends. ftok() keeps 8 bits of the number, 16 of the inode and 8 of the device: two paths can have
/// one key. A URI with a path refuses what was made for another one (Errc::mismatch); key_of() cannot.
///
/// Nobody can make it smaller. Threads: the pages are everybody's. After fork: both processes have it (attached counts
/// both). After exec: detached. shmget(2), shmat(2), shmctl(2), sysvipc(7).
class SysvShm {
public:
    static constexpr Traits traits{.scheme = "sysv-shm",
                                   .name = "shared memory (SysV)",
                                   .timing = Timing::async,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .ordered = false,
                                   .lossless = false,
                                   .sees_close = false,
                                   .empty_messages = false,
                                   .many_writers = false};

    /// The key of a file, as ftok(3) makes it. The file must exist, and must not be replaced afterwards.
    [[nodiscard]] static Result<std::int32_t> key_of(const std::string& path, unsigned project);

    /// Errc::mismatch when what is there is smaller than `size`. Errc::exhausted at kernel.shmmni, shmall or shmmax,
    /// and without memory: which, and how much is in use. Create::if_missing refuses (Errc::denied) what neither this
    /// user nor root made.
    [[nodiscard]] static Result<SysvShm> open(std::int32_t key, SegmentOptions = {});
    /// By the kernel's number, as ipcs(1) shows it: for segments without a key. Never creates.
    [[nodiscard]] static Result<SysvShm> open_id(int id, SegmentOptions = {});
    SysvShm(SysvShm&&) noexcept;
    SysvShm& operator=(SysvShm&&) noexcept;
    ~SysvShm();

    /// Where the kernel put it in this process: among the mappings, above the heap and below the stack.
    Bytes bytes() const noexcept;
    MutBytes mut_bytes() noexcept;
    std::size_t size() const noexcept { return bytes().size(); }
    /// One system call: for the slow path, when a peer was silent for a while.
    Result<bool> retired() const;
    Result<SysvShmStat> stat() const;
    int id() const noexcept;
    /// Only its owner, its creator and root may (Errc::denied). Errc::not_found when it was removed before.
    Result<> remove();

private:
    struct State;
    explicit SysvShm(std::unique_ptr<State>) noexcept;
    static Result<SysvShm> attach(int id, std::int32_t key, const SegmentOptions&, const std::string& subject);
    std::unique_ptr<State> state_;
};

extern const Mechanism sysv_shm_mechanism;

static_assert(SharedMemory<SysvShm>);

}  // namespace wye
