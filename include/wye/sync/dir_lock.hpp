#pragma once
#include "wye/core/lock.hpp"

#include <sys/types.h>

#include <memory>
#include <string>

namespace wye {

struct DirLockOptions {
    unsigned permissions = 0700;  ///< of the directory; the umask narrows it
    bool break_dead = false;      ///< take the lock of an owner that is proved to be dead
};

/// A directory as a lock: mkdir(2) makes it or says that it is there, and nothing comes between. For scripts (`mkdir
/// lock || exit`) and file systems that cannot lock files.
///
/// NOT freed by death: a holder that is killed leaves the directory, and everybody waits until somebody removes it. Use
/// FileLock where you can. In the directory is a record of the owner (a symbolic link `owner` whose target is the pid,
/// its start time, its pid namespace and the boot id), by which a left one can be told from one in use. With
/// `break_dead` it is taken over, but only with proof of death: the process is gone or another has its number, in our
/// own pid namespace; or the machine was booted since, on a file system that only this machine writes. A holder killed
/// in the instant between mkdir and the record (and a directory that a script made) leaves no proof: that one is for a
/// person to remove.
///
/// Exclusive only. Waiting: inotify(7) wakes the waiter when the directory goes, and it looks four times a second, for
/// what other machines remove. Nobody queues: who comes first has it. Threads: an object is for one thread, several
/// objects exclude each other. fork(): the child has no part in it. The object may be moved while it is held and must
/// outlive what lock() gave. mkdir(2), rename(2).
class DirLock {
public:
    static constexpr LockTraits traits{.name = "directory lock", .shared = false, .freed_by_death = false};

    /// Nothing is made yet. The directory above must be there when lock() is called (Errc::not_found).
    [[nodiscard]] static Result<DirLock> open(const std::string& path, DirLockOptions = {});
    DirLock(DirLock&&) noexcept;
    DirLock& operator=(DirLock&&) noexcept;
    ~DirLock();

    /// Errc::busy when this object holds it already; Errc::mismatch where something that is no directory has the name.
    [[nodiscard]] Result<Held> lock(Deadline d = Deadline::never());

    enum class Owner : std::uint8_t { nobody, alive, dead, unknown };
    struct Status {
        Owner owner = Owner::nobody;
        pid_t pid = 0;  ///< as the record has it; 0: there is none
    };
    /// As of some moment during the call.
    [[nodiscard]] Result<Status> status() const;

private:
    struct State;
    explicit DirLock(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

static_assert(Lock<DirLock>);

}  // namespace wye
