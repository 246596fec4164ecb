#include "io/user_directory.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"

namespace wye {

std::string user_directory() { return "/dev/shm/wye-" + std::to_string(sys::effective_user()); }

Result<Fd> open_user_directory(bool make) {
    const auto path = user_directory();
    long r = 0;
    // Whoever empties it removes it, also between the two calls.
    for (int tries = make ? 1000 : 1; tries > 0; --tries) {
        if (make)
            if (const long m = sys::mkdir(path.c_str(), 0700); m < 0 && m != -EEXIST)
                return sys::fail(m, "mkdir", path);
        r = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (r != -ENOENT) break;
    }
    if (r < 0) return sys::fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    struct stat s{};
    if (const long e = sys::fstat(fd.get(), &s); e < 0) return sys::fail(e, "fstat", path);
    if (s.st_uid != sys::effective_user() || (s.st_mode & 077) != 0)
        return refuse(Errc::denied, path + ": not a directory of this user's alone (owner " + std::to_string(s.st_uid) +
                                        "); remove it, or have its owner do so");
    return fd;
}

void remove_user_directory() noexcept { (void)sys::rmdirat(AT_FDCWD, user_directory().c_str()); }

}  // namespace wye
