#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include <sys/types.h>

#include <memory>
#include <string>

namespace wye {

struct PidFileOptions {
    unsigned permissions = 0644;  ///< of what is created; the umask does not widen or narrow it
};

/// One process at a time under a name: a daemon's pid file, held by a lock and not by being there.
///
/// What the file says, the pid and a newline, is for people and for scripts; it decides nothing. A file that a killed
/// process left, also one whose number was given to another process since, never blocks a start. While the process
/// lives, however stuck it is, a second start is Errc::busy and names the holder.
///
/// Not for: telling other processes whom to signal, unless they ask holder(), which looks at the lock.
///
/// Take it after the last fork() of becoming a daemon: a child has no part in it, neither keeps it nor removes it. A
/// program started by exec does not have it either. The directory must be one where others cannot rename files
/// (/run, $XDG_RUNTIME_DIR), and of this machine (Errc::unsupported on a network file system). A symbolic link, a
/// second hard link, anything but a regular file, and a file of another user but root are refused: Errc::mismatch,
/// Errc::denied.
///
/// Dropping it removes the file, while it is locked still, and only if the name stands for it. Threads: as an int.
/// flock(2), which pidfile(3) of the BSDs takes too.
class PidFile {
public:
    /// Errc::busy, also at the deadline: somebody else has it. On any error no file is left that this call made.
    [[nodiscard]] static Result<PidFile> take(const std::string& path, PidFileOptions = {}, Deadline = Deadline::now());

    /// The process that holds it now; Errc::not_found when none does, whatever the file says.
    [[nodiscard]] static Result<pid_t> holder(const std::string& path);

    PidFile(PidFile&&) noexcept;
    PidFile& operator=(PidFile&&) noexcept;
    ~PidFile();

    const std::string& path() const noexcept;
    /// Removes it now, and says what went wrong.
    Result<> remove();

private:
    struct State;
    explicit PidFile(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

}  // namespace wye
