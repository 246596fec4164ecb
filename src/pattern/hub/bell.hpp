// A descriptor to poll for what no descriptor knows: that something lies ready in this process.
#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include "os/epoll.hpp"

namespace wye::hub {

/// Readable while it rings, or while a descriptor that was added is. Nothing is made before it is asked for.
class Bell {
public:
    bool used() const noexcept { return epoll_ != nullptr; }
    int handle() {
        if (epoll_ != nullptr) return epoll_.get();
        epoll_ = Fd(static_cast<int>(std::max(sys::epoll_create(), -1L)));
        event_ = Fd(static_cast<int>(std::max(sys::eventfd(), -1L)));
        if (epoll_ == nullptr || event_ == nullptr || sys::epoll_add(epoll_.get(), event_.get()) < 0) epoll_.reset();
        rings_ = false;
        return epoll_.get();
    }
    void add(int fd) {
        if (used() && fd >= 0) (void)sys::epoll_add(epoll_.get(), fd);
    }
    void ring(bool on) noexcept {
        if (!used() || on == rings_) return;
        rings_ = on;
        std::uint64_t one = 1;
        if (on)
            (void)sys::write(event_.get(), &one, sizeof one);
        else
            (void)sys::read(event_.get(), &one, sizeof one);
    }

private:
    Fd epoll_, event_;
    bool rings_ = false;
};

}  // namespace wye::hub
