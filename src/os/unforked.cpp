#include "os/unforked.hpp"

#include "os/syscall.hpp"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace wye::sys {
namespace {

struct Known {
    std::mutex mutex;
    std::vector<int> fds;
};

void prepare(), in_parent(), in_child();

Known& known() {
    // Never destroyed: locks with static storage are closed after everything else.
    static Known* const all = [] {
        ::pthread_atfork(prepare, in_parent, in_child);
        return new Known;
    }();
    return *all;
}

void prepare() { known().mutex.lock(); }
void in_parent() { known().mutex.unlock(); }

void in_child() {
    for (const int fd : known().fds) {
        // Closed first, so that this needs no free descriptor.
        ::close(fd);
        const int nothing = ::open("/", O_PATH | O_CLOEXEC);
        if (nothing < 0 || nothing == fd) continue;
        ::dup3(nothing, fd, O_CLOEXEC);
        ::close(nothing);
    }
    known().mutex.unlock();
}

}  // namespace

long Unforked::open(const char* path, int flags, mode_t mode) noexcept {
    return made_by([&] { return sys::open(path, flags | O_NONBLOCK | O_NOCTTY, mode); });
}

long Unforked::made_by(const std::function<long()>& make) {
    reset();
    auto& all = known();
    const std::lock_guard guard(all.mutex);
    all.fds.reserve(all.fds.size() + 1);
    const long fd = make();
    if (fd < 0) return fd;
    fd_ = static_cast<int>(fd);
    all.fds.push_back(fd_);
    return 0;
}

void Unforked::reset() noexcept {
    if (fd_ < 0) return;
    auto& all = known();
    // Closed under the mutex too: a child between the two would keep what nobody watches any more.
    const std::lock_guard guard(all.mutex);
    std::erase(all.fds, fd_);
    (void)sys::close(std::exchange(fd_, -1));
}

}  // namespace wye::sys
