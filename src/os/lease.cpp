#include "os/lease.hpp"

#include "wye/os/fd.hpp"

#include "os/snapshot/calls.hpp"

#include <sys/vfs.h>
#include <time.h>

#include <csignal>

namespace wye::sys {
namespace {

constexpr long tmpfs = 0x01021994, mqueuefs = 0x19800202;  // statfs(2)

// 0 when nobody else has it, -EAGAIN when somebody has.
long ask(int fd) noexcept {
    // What tells of an opener is SIGIO, whose default would end us; SIGURG's is nothing.
    if (const long r = sys::fcntl(fd, F_SETSIG, SIGURG); r < 0) return r;
    const long r = sys::fcntl(fd, F_SETLEASE, F_WRLCK);
    if (r == 0) (void)sys::fcntl(fd, F_SETLEASE, F_UNLCK);
    return r;
}

// Somebody else who only asks, as another `wye` does, has it for microseconds.
long ask_again(int fd) noexcept {
    long r = ask(fd);
    for (int n = 0; r == -EAGAIN && n < 3; ++n) {
        const timespec moment{.tv_sec = 0, .tv_nsec = 300'000L << n};
        ::nanosleep(&moment, nullptr);
        r = ask(fd);
    }
    return r;
}

Sole ask_of(const std::string& path, std::uint64_t dev, std::uint64_t ino) noexcept {
    const long r = sys::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (r == -ENOENT || r == -ELOOP) return Sole::gone;
    if (r < 0) return Sole::unasked;
    const Fd fd(static_cast<int>(r));
    struct stat s{};
    struct statfs fs{};
    if (sys::fstat(fd.get(), &s) < 0 || call(Call::statfs, [&] { return ::fstatfs(fd.get(), &fs); }) < 0)
        return Sole::unasked;
    if (s.st_dev != dev || s.st_ino != ino) return Sole::gone;
    if (fs.f_type != tmpfs && fs.f_type != mqueuefs) return Sole::unasked;
    const long answer = ask_again(fd.get());
    return answer == 0 ? Sole::yes : answer == -EAGAIN ? Sole::no : Sole::unasked;
}

bool try_out() noexcept {
    const Fd file(static_cast<int>(sys::open("/dev/shm", O_RDWR | O_TMPFILE, 0600)));
    if (file.get() < 0 || sys::ftruncate(file.get(), 4096) < 0) return false;
    void* mapped = MAP_FAILED;
    {
        const auto path = "/proc/self/fd/" + std::to_string(file.get());
        const Fd other(static_cast<int>(sys::open(path.c_str(), O_RDONLY)));
        if (other.get() < 0) return false;
        mapped = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, other.get(), 0);
    }
    if (mapped == MAP_FAILED) return false;
    const bool refused = ask(file.get()) == -EAGAIN;
    ::munmap(mapped, 4096);
    return refused && ask(file.get()) == 0;
}

}  // namespace

bool lease_works() noexcept {
    static const bool works = try_out();
    return works;
}

Sole anybody_else(const std::string& path, std::uint64_t dev, std::uint64_t ino) noexcept {
    return lease_works() ? ask_of(path, dev, ino) : Sole::unasked;
}

// /dev/mqueue may be of another namespace or not there: then by a mount of our own, which nobody sees.
Sole queue_anybody_else(const std::string& name, std::uint64_t dev, std::uint64_t ino) noexcept {
    if (!lease_works()) return Sole::unasked;
    if (const auto there = ask_of("/dev/mqueue" + name, dev, ino); there == Sole::yes || there == Sole::no)
        return there;
    const long r = mount_apart("mqueue");
    if (r < 0) return Sole::unasked;
    const Fd mount(static_cast<int>(r));
    return ask_of("/proc/self/fd/" + std::to_string(mount.get()) + name, dev, ino);
}

bool locked(const std::string& path, std::uint64_t dev, std::uint64_t ino) noexcept {
    const long r = sys::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (r < 0) return r != -ENOENT;
    const Fd fd(static_cast<int>(r));
    struct stat s{};
    if (sys::fstat(fd.get(), &s) < 0 || s.st_dev != dev || s.st_ino != ino) return true;
    struct flock whole{};
    whole.l_type = F_WRLCK;
    return sys::fcntl(fd.get(), F_OFD_GETLK, reinterpret_cast<long>(&whole)) < 0 || whole.l_type != F_UNLCK;
}

}  // namespace wye::sys
