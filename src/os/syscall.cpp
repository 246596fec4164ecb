#include "os/syscall.hpp"

#include "os/inject.hpp"

#include <algorithm>
#include <csignal>

namespace wye::sys {
namespace {

// The vector without what lies past `limit` bytes. Only ever in use while tests clip.
struct Clipped {
    iovec v[8];
    int n = 0;
    Clipped(const iovec* from, int count, std::size_t limit) noexcept {
        for (; n < std::min(count, 8) && limit > 0; ++n) {
            v[n] = from[n];
            v[n].iov_len = std::min(v[n].iov_len, limit);
            limit -= v[n].iov_len;
        }
    }
};

std::size_t total(const iovec* v, std::size_t n) noexcept {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += v[i].iov_len;
    return sum;
}

template <class F>
long vectored(Call id, const iovec* v, int n, F&& f) noexcept {
    return call(id, [&]() -> long {
        const Clipped c(v, n, clip(id, total(v, static_cast<std::size_t>(n))));
        return f(c.v, c.n);
    });
}

template <class F>
long message(Call id, const msghdr* m, F&& f) noexcept {
    return call(id, [&]() -> long {
        const Clipped c(m->msg_iov, static_cast<int>(m->msg_iovlen), clip(id, total(m->msg_iov, m->msg_iovlen)));
        msghdr copy = *m;
        copy.msg_iov = const_cast<iovec*>(c.v);
        copy.msg_iovlen = static_cast<std::size_t>(c.n);
        const long r = f(&copy);
        const_cast<msghdr*>(m)->msg_controllen = copy.msg_controllen;
        const_cast<msghdr*>(m)->msg_flags = copy.msg_flags;
        const_cast<msghdr*>(m)->msg_namelen = copy.msg_namelen;
        return r;
    });
}

}  // namespace

long seam::readv(int fd, const iovec* v, int n) noexcept {
    return vectored(Call::readv, v, n, [&](const iovec* w, int k) { return ::readv(fd, w, k); });
}
long seam::writev(int fd, const iovec* v, int n) noexcept {
    return vectored(Call::writev, v, n, [&](const iovec* w, int k) { return ::writev(fd, w, k); });
}
long seam::preadv2(int fd, const iovec* v, int n, int flags) noexcept {
    return vectored(Call::preadv2, v, n, [&](const iovec* w, int k) { return ::preadv2(fd, w, k, -1, flags); });
}
long seam::pwritev2(int fd, const iovec* v, int n, int flags) noexcept {
    return vectored(Call::pwritev2, v, n, [&](const iovec* w, int k) { return ::pwritev2(fd, w, k, -1, flags); });
}
long seam::sendmsg(int fd, const msghdr* m, int flags) noexcept {
    return message(Call::sendmsg, m, [&](msghdr* h) { return ::sendmsg(fd, h, flags); });
}
long seam::recvmsg(int fd, msghdr* m, int flags) noexcept {
    return message(Call::recvmsg, m, [&](msghdr* h) { return ::recvmsg(fd, h, flags); });
}

// ---------------------------------------------------------------- faults, for tests

namespace {
constexpr std::size_t max_faults = 8;
struct Armed {
    Fault fault;
    std::atomic<unsigned> seen{0};
};
Armed faults[max_faults];
std::atomic<std::size_t> fault_count{0};
std::atomic<unsigned> hit_count{0};

bool bends(Armed& a, Call id) noexcept {
    if (a.fault.call != Call::any && a.fault.call != id) return false;
    const unsigned k = a.seen.fetch_add(1, std::memory_order_relaxed) + 1;
    if (k < a.fault.nth || k - a.fault.nth >= a.fault.times) return false;
    hit_count.fetch_add(1, std::memory_order_relaxed);
    return true;
}
}  // namespace

long seam::intercept(Call id) noexcept {
    if (id == Call::close) return 0;  // a close that is not made would leak, and proves nothing
    for (std::size_t i = 0; i < fault_count.load(std::memory_order_acquire); ++i)
        if ((faults[i].fault.error != 0 || faults[i].fault.signal != 0) && bends(faults[i], id)) {
            if (faults[i].fault.signal != 0) ::raise(faults[i].fault.signal);
            return -faults[i].fault.error;
        }
    return 0;
}

std::size_t seam::clip(Call id, std::size_t bytes) noexcept {
    for (std::size_t i = 0; i < fault_count.load(std::memory_order_acquire); ++i)
        if (faults[i].fault.error == 0 && faults[i].fault.clip > 0 && bends(faults[i], id))
            bytes = std::min(bytes, faults[i].fault.clip);
    return bytes;
}

long seam::answer(Call id, long real) noexcept {
    for (std::size_t i = 0; i < fault_count.load(std::memory_order_acquire); ++i)
        if (faults[i].fault.answer != 0 && bends(faults[i], id)) return faults[i].fault.answer;
    return real;
}

Inject::Inject(std::initializer_list<Fault> list) noexcept {
    std::size_t n = 0;
    for (const Fault& f : list) {
        if (n == max_faults) break;
        faults[n].fault = f;
        faults[n].seen.store(0, std::memory_order_relaxed);
        ++n;
    }
    hit_count.store(0, std::memory_order_relaxed);
    fault_count.store(n, std::memory_order_release);  // pairs with the acquire loads above: a fault is whole when seen
    seam::armed.store(true, std::memory_order_relaxed);
}

Inject::~Inject() {
    seam::armed.store(false, std::memory_order_relaxed);
    fault_count.store(0, std::memory_order_release);
}

unsigned Inject::hits() const noexcept { return hit_count.load(std::memory_order_relaxed); }

}  // namespace wye::sys
