#include "os/removal/contents.hpp"

#include "os/removal/calls.hpp"

#include <algorithm>
#include <vector>

namespace wye::sys {
namespace {

constexpr std::size_t piece = std::size_t{1} << 20;
constexpr std::uint64_t spare = std::uint64_t{16} << 20;  // what others shall have left

std::string unfinished(const std::string& name) { return name + ".part"; }

}  // namespace

Result<Keeping> Keeping::begin(int store, const std::string& name) {
    const long fd =
        sys::openat(store, unfinished(name).c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0) return fail(fd, "open", name);
    return Keeping(store, name, Fd(static_cast<int>(fd)));
}

Keeping::~Keeping() {
    if (file_ != nullptr) (void)sys::unlinkat(store_, unfinished(name_).c_str());
}

Result<> Keeping::done() {
    const long r = sys::renameat(store_, unfinished(name_).c_str(), store_, name_.c_str());
    if (r < 0) return fail(r, "rename", name_);
    file_.reset();
    return {};
}

Result<> write_at(int fd, Bytes b, std::uint64_t at) {
    while (!b.empty()) {
        const long n = sys::pwrite(fd, b.data(), b.size(), static_cast<off_t>(at));
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "write");
        b = b.subspan(static_cast<std::size_t>(n)), at += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<> read_at(int fd, MutBytes b, std::uint64_t at) {
    while (!b.empty()) {
        const long n = sys::pread(fd, b.data(), b.size(), static_cast<off_t>(at));
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "read");
        if (n == 0) return wye::fail(Errc::corrupt, "read");
        b = b.subspan(static_cast<std::size_t>(n)), at += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<> copy_contents(int from, int to, std::uint64_t size) {
    if (const long r = sys::ftruncate(to, static_cast<off_t>(size)); r < 0) return fail(r, "ftruncate");
    std::vector<std::byte> room(std::min<std::uint64_t>(piece, size));
    const auto end = static_cast<off_t>(size);
    for (off_t at = 0; at < end;) {
        long data = sys::lseek(from, at, SEEK_DATA);
        if (data == -ENXIO) break;  // holes only
        if (data < 0) data = at;    // it has no holes to tell of
        long hole = sys::lseek(from, data, SEEK_HOLE);
        if (hole < 0 || hole > end) hole = end;
        for (at = data; at < hole;) {
            const auto n = static_cast<std::size_t>(std::min<off_t>(hole - at, static_cast<off_t>(room.size())));
            const MutBytes part(room.data(), n);
            WYE_CHECK(read_at(from, part, static_cast<std::uint64_t>(at)));
            WYE_CHECK(write_at(to, part, static_cast<std::uint64_t>(at)));
            at += static_cast<off_t>(n);
        }
    }
    return {};
}

Result<> room_for(int store, std::uint64_t bytes) {
    struct statfs fs{};
    if (const long r = sys::fstatfs(store, &fs); r < 0) return fail(r, "statfs");
    const auto left = static_cast<std::uint64_t>(fs.f_bavail) * static_cast<std::uint64_t>(fs.f_bsize);
    if (left >= bytes + spare) return {};
    return refuse(Errc::exhausted, "no room to keep " + std::to_string(bytes) +
                                       " bytes of it: " + std::to_string(left) + " are left there");
}

}  // namespace wye::sys
