// One at a time, also where files cannot be locked. Nobody unlocks for a holder that is killed.
#include <wye/sync/dir_lock.hpp>

wye::Result<> alone(const std::string& path, void (*work)()) {
    WYE_TRY(auto directory, wye::DirLock::open(path));
    WYE_TRY(const auto held, directory.lock(std::chrono::seconds(10)));
    work();
    return {};
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto there = [] { claim(access("lock", F_OK) == 0, "the directory is the lock"); };
    claim(alone("lock", there).has_value(), "had");
    claim(access("lock", F_OK) != 0, "and let go");
}
