#include "os/object.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye::sys {

Result<> remove_path(const std::string& path, mode_t kind, std::string_view otherwise, bool dry_run) {
    struct stat s{};
    if (const long r = sys::lstat(path.c_str(), &s); r < 0) return fail(r, "unlink", path);
    if ((s.st_mode & S_IFMT) != kind) return refuse(Errc::mismatch, path + ": " + std::string(otherwise));
    if (dry_run) return {};
    const long r = sys::unlink(path.c_str());
    return r < 0 ? Result<>(fail(r, "unlink", path)) : Result<>();
}

Result<> trust_maker(uid_t maker, std::string_view what) {
    if (maker == effective_user() || maker == 0) return {};
    return refuse(Errc::denied, std::string(what) + ": user " + std::to_string(maker) +
                                    " made this; open it without create if it is meant");
}

}  // namespace wye::sys
