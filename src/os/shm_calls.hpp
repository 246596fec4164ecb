// The system calls of System V shared memory.
#pragma once
#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <sys/shm.h>

#include <cstdint>
#include <utility>

namespace wye::sys {

inline long shmget(key_t key, std::size_t size, int flags) noexcept {
    return call(Call::shmget, [&] { return ::shmget(key, size, flags); });
}
inline long shmctl(int id, int op, void* d) noexcept {
    return call(Call::shmctl, [&] { return ::shmctl(id, op, static_cast<shmid_ds*>(d)); });
}
inline long shmat(int id, int flags, void** at) noexcept {
    return call(Call::shmat, [&] {
        void* p = ::shmat(id, nullptr, flags);
        *at = p;
        return reinterpret_cast<std::intptr_t>(p) == -1 ? -1 : 0;
    });
}

/// A segment where it is attached; detached when dropped.
class Attachment {
public:
    Attachment() = default;
    explicit Attachment(void* at) noexcept : at_(at) {}
    Attachment(Attachment&& o) noexcept : at_(std::exchange(o.at_, nullptr)) {}
    Attachment& operator=(Attachment&& o) noexcept {
        std::swap(at_, o.at_);
        return *this;
    }
    ~Attachment() {
        if (at_) ::shmdt(at_);
    }
    void* get() const noexcept { return at_; }

private:
    void* at_ = nullptr;
};

}  // namespace wye::sys
