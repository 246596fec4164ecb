#include "os/file_pages.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye::sys {

Result<> give_room(int fd, std::size_t from, std::size_t to, std::string_view subject) {
    const long r = reserve(fd, from, to);
    if (r == -EFBIG)
        return refuse(Errc::exhausted, "fallocate(\"" + std::string(subject) + "\"): " + std::to_string(to) +
                                           " bytes are above what a file may have (RLIMIT_FSIZE, ulimit -f)");
    if (r < 0) return fail(r, "fallocate", subject);
    return {};
}

Result<> prefault(const Mapping& m, bool write, std::string_view subject) {
    const long r = m.size() ? populate(m.data(), m.size(), write) : 0;
    if (r < 0) return fail(r, "madvise", subject);
    return {};
}

Result<FilePages> make_file_pages(const NewFile& f, const std::function<void(MutBytes)>& fill) {
    // Looked at first, for people: a full disk is no news of what is there already. linkat() below decides.
    struct stat there{};
    if (sys::lstat(f.path.c_str(), &there) == 0) return fail(-EEXIST, "linkat", f.path);
    const auto slash = f.path.rfind('/');
    const auto directory = slash == std::string::npos ? "." : slash == 0 ? "/" : f.path.substr(0, slash);
    const long r = sys::open(directory.c_str(), O_RDWR | O_TMPFILE, 0600);
    if (r == -ENOENT || r == -ENOTDIR) return fail(r, "open", directory);
    if (r < 0) return fail(r == -EISDIR ? -EOPNOTSUPP : r, "open", f.path);  // EISDIR: a kernel without O_TMPFILE
    FilePages made{Fd(static_cast<int>(r)), {}};
    const int fd = made.fd.get();
    WYE_CHECK(give_room(fd, 0, f.size, f.path));
    WYE_TRY(made.pages, Mapping::of(fd, f.size));
    WYE_CHECK(prefault(made.pages, f.dirty, f.path));
    if (fill) fill({made.pages.data(), f.size});
    if (const long e = sys::fchmod(fd, f.permissions & 0777); e < 0) return fail(e, "fchmod", f.path);
    if (const long e = publish(fd, AT_FDCWD, f.path.c_str()); e < 0) return fail(e, "linkat", f.path);
    return made;
}

Result<Fd> open_file_pages(const std::string& path, bool writable, int flags, struct stat& s) {
    const long r = sys::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_NONBLOCK | flags);
    if (r == -ELOOP && (flags & O_NOFOLLOW)) return refuse(Errc::mismatch, path + ": a symbolic link");
    if (r == -EISDIR || r == -ENXIO || r == -ENODEV) return refuse(Errc::mismatch, path + ": not a file");
    if (r < 0) return fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    if (const long e = sys::fstat(fd.get(), &s); e < 0) return fail(e, "fstat", path);
    if (!S_ISREG(s.st_mode)) return refuse(Errc::mismatch, path + ": not a file");
    return fd;
}

Result<bool> nameless(int fd) {
    struct stat s{};
    if (const long r = sys::fstat(fd, &s); r < 0) return fail(r, "fstat");
    return s.st_nlink == 0;
}

}  // namespace wye::sys
