#include "support/pids.hpp"

#include "support/support.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>

namespace wye::test {

bool in_own_pids(const std::function<bool()>& body) {
    const auto write = [](const char* path, const std::string& text) {
        return (std::ofstream(path) << text << std::flush).good();
    };
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0) return false;
        if (!write("/proc/self/setgroups", "deny") || !write("/proc/self/uid_map", user + " " + user + " 1") ||
            !write("/proc/self/gid_map", group + " " + group + " 1"))
            return false;
    }
    // The second, for the first one's end is everybody's: what it leaves goes with it.
    return Child([&] {
               return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount("proc", "/proc", "proc", 0, nullptr) == 0 && Child(body).ok();
           })
        .ok(std::chrono::seconds(30));
}

bool recycle(pid_t n) {
    ::usleep(20'000);  // in another clock tick, which is all that tells two of one number apart
    return (std::ofstream("/proc/sys/kernel/ns_last_pid") << n - 1 << std::flush).good();
}

bool may_have_own_pids() {
    return Child([] { return in_own_pids([] { return true; }); }).ok();
}

}  // namespace wye::test
