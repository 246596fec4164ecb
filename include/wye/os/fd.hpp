#pragma once
#include <cstddef>
#include <utility>

namespace wye {

/// Sole owner of a descriptor. Pass by value to give it away, `get()` to lend it.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
    Fd& operator=(Fd&& o) noexcept {
        Fd old(std::exchange(fd_, std::exchange(o.fd_, -1)));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept;
    bool operator==(std::nullptr_t) const noexcept { return fd_ < 0; }
    operator bool() const = delete;  // 0 is a valid descriptor: ask == nullptr

private:
    int fd_ = -1;
};

}  // namespace wye
