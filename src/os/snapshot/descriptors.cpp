// A process's descriptors: what each is of, and what it may be used for. proc_pid_fd(5), proc_pid_fdinfo(5).
#include "wye/os/fd.hpp"

#include "os/snapshot/name.hpp"
#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"
#include "os/snapshot/words.hpp"

#include <sys/stat.h>

#include <iterator>

namespace wye::sys {
namespace {

// The pipes are all on one file system that nobody can mount, and so are the sockets: its number is asked for once.
void look_at_target(Eyes& e, int fds, const char* name, SeenFd& f) {
    const auto pipe = bracketed(f.target, "pipe"), socket = bracketed(f.target, "socket");
    if (f.target.starts_with("anon_inode:")) return f.file = {}, void();
    if (!pipe && !socket) {
        if (f.file.mode == 0) (void)look(fds, name, 0, f.file);
        return;
    }
    auto& dev = pipe ? e.pipe_dev : e.socket_dev;
    const FileFacts told{.key = {dev, pipe ? *pipe : *socket}, .mode = pipe ? type_fifo : type_socket};
    if (dev != 0) return f.file = told, void();
    if ((f.file.mode != 0 || look(fds, name, 0, f.file) == 0) && f.file.is(told.mode) && f.file.key.ino == told.key.ino)
        dev = f.file.key.dev;
}

// The first three are a terminal or /dev/null most often, whose name nobody asks for.
bool is_a_device(int fds, const char* name, SeenFd& f) {
    return f.fd < 3 && look(fds, name, 0, f.file) == 0 && (f.file.is(S_IFCHR) || f.file.is(S_IFBLK));
}

// What it may be used for, which the permissions of the link say; fdinfo has more and costs three calls for one. That
// is read for an eventfd, whose number stands nowhere else; for the locks and what lies in a socket where there are
// any, by take_locks() and take_in_flight(); and for every file's locks where the table of them does not have all.
void look_at_rights(Eyes& e, int fds, const char* name, SeenFd& f) {
    const bool file =
        f.file.is(type_regular) || f.file.is(type_directory) || (f.file.is(type_fifo) && f.file.key.dev != e.pipe_dev);
    if (f.target == "anon_inode:[eventfd]" || (file && e.hides_locks))
        return f.info = parse_fdinfo(e.reader.piece(fds, Name("../fdinfo/", f.fd))), void();
    f.info.flags = O_RDWR;
    FileFacts link;
    if ((f.file.is(type_fifo) || f.file.is(type_regular)) && look(fds, name, AT_SYMLINK_NOFOLLOW, link) == 0)
        f.info.flags = (link.mode & S_IWUSR) == 0 ? O_RDONLY : (link.mode & S_IRUSR) == 0 ? O_WRONLY : O_RDWR;
}

}  // namespace

long take_fds(Eyes& e, int fds, SeenProcess& p, std::int32_t tid) {
    long wrong = 0;
    const auto take = [&](const char* name, std::uint8_t) {
        SeenFd f{.tid = tid};
        if (wrong != 0 || !Words::number(name, f.fd)) return;
        if (!is_a_device(fds, name, f)) {
            char target[4096];
            const long n = sys::readlinkat(fds, name, target, sizeof target);
            if (n == -EACCES || n == -EPERM) wrong = n;
            if (n < 0) return;  // closed since
            f.target.assign(target, static_cast<std::size_t>(n));
            look_at_target(e, fds, name, f);
        }
        look_at_rights(e, fds, name, f);
        e.fds.push_back(std::move(f));
    };
    e.fds.clear();
    const bool all = each_name(fds, take, true);
    // No room for more than there are: of thousands of processes that would be the most of it.
    p.fds.insert(p.fds.end(), std::move_iterator(e.fds.begin()), std::move_iterator(e.fds.end()));
    return all ? wrong : -ESRCH;
}

}  // namespace wye::sys
