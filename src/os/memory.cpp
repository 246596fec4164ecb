#include "os/memory.hpp"

#include "os/errno.hpp"
#include "os/wait.hpp"

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

}  // namespace wye::sys
