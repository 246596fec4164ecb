#include "os/memory.hpp"

#include "os/errno.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <limits>

namespace wye::sys {

long futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t seen, Deadline d) noexcept {
    const Left left(d);
    return call(Call::futex, [&] { return ::syscall(SYS_futex, &word, FUTEX_WAIT, seen, left.get(), nullptr, 0); });
}

long reserve(int fd, std::size_t from, std::size_t to) noexcept {
    if (to > file_size_limit() || to > static_cast<std::size_t>(std::numeric_limits<off_t>::max())) return -EFBIG;
    // A signal takes all of it back: from then on in parts, so that there is an end under a storm of them.
    for (std::size_t part = to; from < to;) {
        const auto n = std::min(part, to - from);
        const long r =
            call(Call::fallocate, [&] { return ::fallocate(fd, 0, static_cast<off_t>(from), static_cast<off_t>(n)); });
        if (r == -EINTR)
            part = std::size_t{64} << 10;
        else if (r < 0)
            return r;
        else
            from += n;
    }
    return 0;
}

long populate(void* at, std::size_t size, bool writable) noexcept {
    long r;
    do
        r = call(Call::madvise,
                 [&] { return ::madvise(at, size, writable ? MADV_POPULATE_WRITE : MADV_POPULATE_READ); });
    while (r == -EINTR || r == -EAGAIN);
    return r == -EFAULT ? -ENOSPC : r;
}

Result<Mapping> Mapping::of(int fd, std::size_t size, bool writable) {
    return made(fd, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED);
}

Result<Mapping> Mapping::of_sealed(int fd, std::size_t size) { return made(fd, size, PROT_READ, MAP_PRIVATE); }

Result<Mapping> Mapping::made(int fd, std::size_t size, int protection, int flags) {
    Mapping m;
    void* at = nullptr;
    if (const long r = sys::mmap(size, protection, flags, fd, &at); r < 0) return fail(r, "mmap");
    m.at_ = at;
    m.size_ = size;
    return m;
}

}  // namespace wye::sys
