#include "os/secret_file.hpp"

#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye::sys {
namespace {

constexpr std::size_t most = 64 * 1024;

Result<> trusted(const struct stat& s, const std::string& path) {
    const auto no = [&](const std::string& why) { return refuse(Errc::denied, path + ": " + why); };
    if (!S_ISREG(s.st_mode)) return no("a secret must lie in a plain file");
    if (s.st_uid != effective_user() && s.st_uid != 0)
        return no("belongs to another user (" + std::to_string(s.st_uid) + "), who could change it");
    if ((s.st_mode & 077) != 0) return no("others can read or change it; chmod 600 " + path);
    if (s.st_size > static_cast<off_t>(most)) return no("too large for a secret");
    return {};
}

}  // namespace

Result<std::string> read_secret(const std::string& path) {
    // Not blocking: it could be somebody's FIFO.
    const long r = sys::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (r < 0) return fail(r, "open", path);
    const Fd fd(static_cast<int>(r));
    struct stat s{};
    if (const long e = sys::fstat(fd.get(), &s); e < 0) return fail(e, "fstat", path);
    WYE_CHECK(trusted(s, path));
    std::string text(most, '\0');
    std::size_t n = 0;
    while (n < most) {
        const long got = sys::read(fd.get(), text.data() + n, most - n);
        if (got == -EINTR) continue;
        if (got < 0) return fail(got, "read", path);
        if (got == 0) break;
        n += static_cast<std::size_t>(got);
    }
    text.resize(n);
    return text;
}

}  // namespace wye::sys
