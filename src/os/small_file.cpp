#include "os/small_file.hpp"

#include "wye/base/text.hpp"
#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <dirent.h>

namespace wye::sys {

Result<std::string> read_whole(const std::string& path) {
    const long fd = sys::open(path.c_str(), O_RDONLY);
    if (fd < 0) return fail(fd, "open", path);
    const Fd file(static_cast<int>(fd));
    std::string text;
    char part[4096];
    for (;;) {
        const long n = sys::read(file.get(), part, sizeof part);
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "read", path);
        if (n == 0) return text;
        text.append(part, static_cast<std::size_t>(n));
    }
}

std::optional<std::uint64_t> read_number(const std::string& path) {
    const auto text = read_whole(path);
    if (!text) return {};
    return parse_number(std::string_view(*text).substr(0, text->find_first_of(" \t\n")));
}

Result<std::vector<std::string>> names_in(const std::string& directory) {
    DIR* d = nullptr;
    const long r = call(Call::open, [&] { return (d = ::opendir(directory.c_str())) ? 0 : -1; });
    if (r < 0) return fail(r, "opendir", directory);
    std::vector<std::string> names;
    while (const dirent* e = ::readdir(d))
        if (const std::string_view name = e->d_name; name != "." && name != "..") names.emplace_back(name);
    ::closedir(d);
    return names;
}

}  // namespace wye::sys
