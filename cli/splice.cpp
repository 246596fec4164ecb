#include "splice.hpp"

#include "command.hpp"
#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <sys/stat.h>

#include <array>

namespace wye::cli {
namespace {
constexpr std::size_t wished_capacity = 1 << 20;
}

bool is_pipe(int fd) noexcept {
    struct stat s{};
    return sys::fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode);
}

std::size_t widen(int pipe) noexcept {
    (void)sys::fcntl(pipe, F_SETPIPE_SZ, wished_capacity);
    const long r = sys::fcntl(pipe, F_GETPIPE_SZ);
    return r > 0 ? static_cast<std::size_t>(r) : 4096;
}

Result<Transit> make_transit() {
    int ends[2];
    if (const long r = sys::pipe2(ends, 0); r < 0) return sys::fail(r, "pipe2");
    Transit t{Fd(ends[0]), Fd(ends[1]), 0};
    t.capacity = widen(t.write.get());
    return t;
}

bool wait_input(int fd) noexcept {
    while (!interrupted()) {
        pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
        const timespec slice{.tv_sec = 0, .tv_nsec = 200'000'000};
        if (const long r = sys::ppoll(&p, 1, &slice); r > 0)
            return true;  // POLLHUP too: the read says it is the end
        else if (r < 0 && r != -EINTR)
            return true;
    }
    return false;
}

Result<std::size_t> Mover::move(int pipe, int to, std::size_t most) {
    if (!copies_) {
        const long r = sys::splice(pipe, to, most, SPLICE_F_MOVE | SPLICE_F_MORE);
        if (r >= 0) return static_cast<std::size_t>(r);
        if (r == -EINTR) return std::size_t{0};
        if (r != -EINVAL) return sys::fail(r, "splice");
        copies_ = true;
    }
    std::array<std::byte, 64 * 1024> buffer;
    const long n = sys::read(pipe, buffer.data(), std::min(most, buffer.size()));
    if (n < 0) return n == -EINTR ? Result<std::size_t>(0) : sys::fail(n, "read");
    for (long done = 0; done < n;) {
        const long w = sys::write(to, buffer.data() + done, static_cast<std::size_t>(n - done));
        if (w < 0 && w != -EINTR) {
            spilt_ = static_cast<std::size_t>(n);
            return sys::fail(w, "write");
        }
        if (w > 0) done += w;
    }
    return static_cast<std::size_t>(n);
}

Result<> Mover::move_all(int pipe, int to, std::size_t bytes) {
    while (bytes > 0) {
        WYE_TRY(const auto n, move(pipe, to, bytes));
        bytes -= n;
        if (n == 0 && interrupted()) return fail(Errc::timed_out, "splice");
    }
    return {};
}

}  // namespace wye::cli
