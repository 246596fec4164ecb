#include "os/directory.hpp"

#include <dirent.h>

#include <memory>

#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "wye/os/fd.hpp"

namespace wye::sys {

Result<> each_entry(const std::string& directory, const std::function<void(const std::string&, const struct stat&)>& visit) {
    const long fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY);
    if (fd < 0) return fail(fd, "open", directory);
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(static_cast<int>(fd)), ::closedir);
    if (!dir) {
        (void)close(static_cast<int>(fd));
        return fail(-ENOMEM, "opendir", directory);
    }
    while (const auto* e = ::readdir(dir.get())) {  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
        const std::string name = e->d_name;
        struct stat s{};
        if (name == "." || name == ".." || ::fstatat(static_cast<int>(fd), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
        visit(name, s);
    }
    return {};
}

Result<std::string> read_text(const std::string& path) {
    const long r = open(path.c_str(), O_RDONLY);
    if (r < 0) return fail(r, "open", path);
    const Fd fd(static_cast<int>(r));
    std::string text;
    char part[4096];
    for (;;) {
        const long n = read(fd.get(), part, sizeof part);
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "read", path);
        if (n == 0) return text;
        text.append(part, static_cast<std::size_t>(n));
    }
}

}  // namespace wye::sys
