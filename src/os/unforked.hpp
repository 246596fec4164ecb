// A descriptor that no child of fork() keeps open.
#pragma once
#include <sys/types.h>

#include <functional>
#include <utility>

namespace wye::sys {

/// A lock taken through a descriptor lives as long as any copy of it, and a forked child has a copy: the owner could
/// die and the lock stay. So in the child the number is made to stand for nothing (an O_PATH handle of "/", on which
/// every operation is EBADF) before fork() returns there. exec is covered by O_CLOEXEC, and posix_spawn with it. What
/// is not covered is a child made by a bare clone() or by _Fork(), which run no handlers.
class Unforked {
public:
    Unforked() = default;
    Unforked(Unforked&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Unforked& operator=(Unforked&& o) noexcept {
        Unforked old(std::move(*this));
        fd_ = std::exchange(o.fd_, -1);
        return *this;
    }
    ~Unforked() { reset(); }

    /// 0 or -errno. No fork() of another thread comes between the open and its being known here, so the open must not
    /// block: O_NONBLOCK is added.
    long open(const char* path, int flags, mode_t mode = 0) noexcept;
    /// Likewise, of what `make` answers; it must not block.
    long made_by(const std::function<long()>& make);
    void reset() noexcept;
    int get() const noexcept { return fd_; }
    bool operator==(std::nullptr_t) const noexcept { return fd_ < 0; }

private:
    int fd_ = -1;
};

}  // namespace wye::sys
