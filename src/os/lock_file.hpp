// A file that stands for a lock: what locks by name share, whatever they are used for.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/lock_holder.hpp"

#include "os/unforked.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace wye::sys {

struct LockPlan {
    bool create = true;
    mode_t permissions = 0600;  // of what is created, whatever the umask
    bool writable = false;      // opened for writing too; a directory is refused then
    bool any_owner = false;     // false: only this user's and root's file is taken
    bool remote = false;        // false: refused on a network file system
    bool fair = false;          // of the whole file only: see LockFile::attempt_fairly
    bool sole_name = false;     // a file with a second hard link is refused
    bool range = false;         // an OFD byte range; otherwise flock
    std::int64_t from = 0, length = 0;
};

/// Opened without following a symbolic link, checked, and not kept by a forked child. A lock that was taken is always
/// on the file that the name stands for: one that was unlinked or replaced in between is let go and the new one taken.
class LockFile {
public:
    static Result<LockFile> open(std::string path, LockPlan);

    /// Errc::timed_out when somebody else has it.
    Result<> take(bool shared, Deadline);
    Result<> release();
    /// False in the child of a fork(), where the descriptor stands for nothing.
    bool ours() const noexcept;
    /// Whether the name still stands for the open file.
    Result<bool> named() const;
    /// Who has a lock that conflicts with one of ours; nullopt: nobody. Errc::unsupported without /proc.
    Result<std::optional<LockHolder>> holder() const;

    int fd() const noexcept { return file_.get(); }
    const std::string& path() const noexcept { return path_; }

private:
    LockFile(std::string path, LockPlan plan);
    Result<> reopen();
    Result<> check() const;
    long attempt(bool shared, bool wait) const noexcept;
    long attempt_directly(bool shared, bool wait) const noexcept;
    long attempt_fairly(bool shared, bool wait) const noexcept;
    long gate(short type, bool wait) const noexcept;

    std::string path_;
    LockPlan plan_;
    Unforked file_;
    std::uint64_t generation_;
};

}  // namespace wye::sys
