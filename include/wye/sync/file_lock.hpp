#pragma once
#include "wye/core/lock.hpp"
#include "wye/os/lock_holder.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace wye {

/// Bytes of a file, which need not exist.
struct ByteRange {
    std::uint64_t from = 0;
    std::uint64_t length = 0;  ///< 0: to the end, however far it grows
};

struct FileLockOptions {
    bool create = true;                ///< the file, where it is missing
    unsigned permissions = 0600;       ///< of what is created; the umask does not widen or narrow it
    bool any_owner = false;            ///< take a file that neither this user nor root owns
    bool remote = false;               ///< take a file of a network file system, whose server is known to lock
    bool fair = false;                 ///< who comes later waits behind who waits; asks for a file that can be written
    std::optional<ByteRange> range{};  ///< these bytes by an OFD lock; otherwise the whole file by flock
};

/// A lock between processes that stands for a file: exclusive, or shared by several. The kernel unlocks when the holder
/// dies, however it dies.
///
/// Two kinds that do not see each other. Without `range` it is flock(2), which flock(1) takes too. With `range` it is
/// an open-file-description lock (F_OFD_SETLK), which keeps classic fcntl(2) record locks out as well; those are never
/// used here, because closing any descriptor of the file would drop them.
///
/// Not for: counting (a semaphore), a pid file (PidFile), files of a network file system: NFS, SMB, FUSE and their like
/// are refused (Errc::unsupported), for there a lock may hold on this machine only, or be lost when the server starts
/// again. DirLock works there; `remote` is for those who know their server.
///
/// What hurts: it is advisory, and keeps out only those who ask. Shared holders can starve one who wants it alone: the
/// kernel gives a shared lock at once though somebody waits for the exclusive one, so where readers never cease to
/// overlap a writer may wait for ever; give it a Deadline, or have all of them be `fair`: a shared lock is then refused
/// (at Deadline::now()) or waited for while anybody waits. flock(1) and others who are not fair are kept out as ever,
/// but pass by those who wait; a holder that asks again through another object may wait for itself. Two locks taken in
/// different orders by two processes wait for each other until their deadlines, and the kernel does not notice: agree
/// on an order. A program that was not told of this library and inherited the descriptor (by clone() without handlers)
/// keeps the lock.
///
/// The file stays when the lock is let go: who unlinks lock files must hold the lock. One that was unlinked or replaced
/// between opening and locking is noticed, and the new one taken instead, so two holders of one name cannot be. A
/// symbolic link (of the last component), a FIFO, a device, and a file of another user are refused: Errc::mismatch,
/// Errc::denied.
///
/// A deadline costs a timer and no polling. Threads: an object is for one thread; several objects of one file exclude
/// each other, in one process too. fork(): the child has no part in the lock, and can open its own; exec: closed. The
/// object may be moved while it is held and must outlive what lock() gave. flock(2), fcntl_locking(2).
class FileLock {
public:
    static constexpr LockTraits traits{.name = "file lock"};

    [[nodiscard]] static Result<FileLock> open(const std::string& path, FileLockOptions = {});
    FileLock(FileLock&&) noexcept;
    FileLock& operator=(FileLock&&) noexcept;
    ~FileLock();

    /// Errc::busy when this very object holds it already; Errc::mismatch in the child of a fork(). A range asks for a
    /// file that can be written.
    [[nodiscard]] Result<Held> lock(Deadline d = Deadline::never());
    [[nodiscard]] Result<Held> lock_shared(Deadline d = Deadline::never());

    /// Who holds it, for people: it may have changed when you read it. nullopt: nobody. Of a shared lock, one of the
    /// holders. With `range` it tells of others only. The kernel says who took a flock; of an OFD lock it says that
    /// there is one, and the process is searched for among those this user may look into (pid 0: not found).
    /// Errc::unsupported without /proc. Where a file system shows files another device number than it has (btrfs
    /// subvolumes, some overlays) nobody may be found though it is held.
    [[nodiscard]] Result<std::optional<LockHolder>> holder() const;

    /// A program that takes this one's place by exec keeps the lock, and lets go when it and every child that inherited
    /// the descriptor have ended. No way back.
    Result<> keep_over_exec();

private:
    struct State;
    explicit FileLock(std::unique_ptr<State>) noexcept;
    Result<Held> take(bool shared, Deadline);
    std::unique_ptr<State> state_;
};

static_assert(SharedLock<FileLock>);

}  // namespace wye
