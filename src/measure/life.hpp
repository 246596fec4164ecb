// How one lives that is to be killed: whose it is, whom it sees, and whether anybody looks after it when it is dead.
#pragma once
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace wye::measure {

enum class Life : std::uint8_t {
    plain,   ///< reaped as soon as it is dead
    zombie,  ///< reaped when all is over
    user,    ///< another user's, who has no rights here (65534)
    pidns,   ///< in a pid namespace of its own, where it is the first
};

/// In a process that Others started, and only there: `body` in a child that lives so, whose pid is told (`pid` lies in
/// Pages, for the child waits until it is there). This one has
/// no descriptors, and never returns. What `body` throws goes on in the child. Throws where that is not allowed here.
void live(Life, std::atomic<std::uint64_t>& pid, const std::function<void()>& body);

/// Kills it, and returns when it does nothing more.
void kill_for_certain(pid_t) noexcept;

/// So long others may pass through a directory that is ours.
class PassableDirectory {
public:
    explicit PassableDirectory(std::string path);  ///< empty: none
    ~PassableDirectory();
    PassableDirectory(const PassableDirectory&) = delete;

private:
    std::string path_;
    mode_t mode_ = 0;
};

}  // namespace wye::measure
