#include "os/memory.hpp"

#include "os/fork.hpp"
#include "os/wait.hpp"

#include <pthread.h>

#include <mutex>
#include <vector>

namespace wye::sys {

long futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Deadline d) noexcept {
    const Left left(d);
    return call(Call::futex, [&] { return ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, left.get(), nullptr, 0); });
}

Result<Mapping> Mapping::of(int fd, std::size_t size, bool writable) {
    Mapping m;
    void* at = nullptr;
    if (const long r = sys::mmap(size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, &at); r < 0)
        return fail(r, "mmap");
    m.at_ = at;
    m.size_ = size;
    return m;
}

namespace {

// Held over every fork(), so that the child finds the list whole.
std::mutex parents_lock;
std::vector<int>& parents() {
    static std::vector<int> all;
    return all;
}

void close_in_child() {
    for (const int fd : parents()) ::close(fd);
    parents().clear();
    parents_lock.unlock();
}

}  // namespace

long ParentsFd::note(long (*make)(void*), void* with) {
    static std::once_flag once;
    std::call_once(
        once, [] { ::pthread_atfork([] { parents_lock.lock(); }, [] { parents_lock.unlock(); }, close_in_child); });
    generation_ = fork_generation();
    const std::lock_guard guard(parents_lock);
    const long r = make(with);
    if (r >= 0) parents().push_back(fd_ = static_cast<int>(r));
    return r;
}

bool ParentsFd::ours() const noexcept { return fd_ >= 0 && generation_ == fork_generation(); }

ParentsFd::~ParentsFd() {
    if (!ours()) return;  // the number may be somebody else's by now
    const std::lock_guard guard(parents_lock);
    std::erase(parents(), fd_);
    (void)sys::close(fd_);
}

}  // namespace wye::sys
