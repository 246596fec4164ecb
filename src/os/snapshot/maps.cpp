// The pieces of a process's memory that others may share: asked for one by one where the kernel does that, which is
// cheaper than the text of all its maps. proc_pid_maps(5)
#include "wye/os/fd.hpp"

#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"

#include <sys/ioctl.h>

namespace wye::sys {
namespace {

/// struct procmap_query of the kernel (Linux 6.11), newer than the headers of Debian 12.
struct Query {
    std::uint64_t size = sizeof(Query), flags = 0, address = 0;
    std::uint64_t start = 0, end = 0, rights = 0, page_size = 0, offset = 0, ino = 0;
    std::uint32_t major = 0, minor = 0, name_size = 0, build_size = 0;
    std::uint64_t name = 0, build = 0;
};
static_assert(sizeof(Query) == 104);
constexpr std::uint64_t writes = 0x02, is_shared = 0x08, this_or_next = 0x10;

long ask(int maps, Query& q) noexcept {
    return call(Call::read, [&] { return ::ioctl(maps, _IOWR('f', 17, Query), &q); });
}

// 0, or why not: before Linux 6.11 ENOTTY.
long ask_shared(int maps, std::vector<SeenMap>& into) {
    char name[4096];
    for (std::uint64_t from = 0;;) {
        Query q{.flags = is_shared | this_or_next, .address = from};
        q.name = reinterpret_cast<std::uintptr_t>(name), q.name_size = sizeof name;
        const long r = ask(maps, q);
        if (r == -EINTR) continue;
        if (r < 0) return r == -ENOENT ? 0 : r;
        from = q.end;
        if (q.name_size < 2) continue;  // with its final zero
        into.push_back({.start = q.start,
                        .end = q.end,
                        .offset = q.offset,
                        .write = (q.rights & writes) != 0,
                        .shared = true,
                        .file = {gnu_dev_makedev(q.major, q.minor), q.ino},
                        .name = std::string(name, q.name_size - 1)});
    }
}

}  // namespace

long take_maps(Reader& reader, int dir, const char* file, bool private_too, std::vector<SeenMap>& into) {
    if (!private_too) {
        const long r = sys::openat(dir, file, O_RDONLY);
        if (r < 0) return r;
        Fd maps(static_cast<int>(r));
        const long wrong = ask_shared(maps.get(), into);
        reader.done(std::move(maps));
        if (wrong == 0 || wrong == -ESRCH) return wrong;
        into.clear();
    }
    parse_maps(reader.whole(dir, file), into);
    return reader.error();
}

}  // namespace wye::sys
