#include "io/shared_segment.hpp"

#include "io/user_directory.hpp"
#include "os/errno.hpp"
#include "os/file_pages.hpp"
#include "os/lock_file.hpp"
#include "os/small_file.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace wye {
namespace {

constexpr std::uint64_t magic = 0x31676573657977;  // "wyeseg1"

std::string file_of(const SharedSegment::Shape& shape, const std::string& name) {
    return std::string(shape.kind) + "." + name;
}

Result<> check_name(const std::string& name) {
    const auto good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    };
    if (name.empty() || name.size() > 200 || !std::ranges::all_of(name, good))
        return refuse(Errc::bad_address,
                      "\"" + name + "\": a name has 1 to 200 letters, digits, '-', '_' and '.', as in jobs-1");
    return {};
}

}  // namespace

// ---------------------------------------------------------------- life

Result<SharedSegment> SharedSegment::make(int directory, const std::string& file, const Shape& shape,
                                          const Fill& fill) {
    SharedSegment s;
    struct stat there{};  // looked at first, as make_file_pages() does
    if (sys::lstatat(directory, file.c_str(), &there) == 0)
        return sys::fail(-EEXIST, "linkat", user_directory() + "/" + file);
    const long made = sys::openat(directory, ".", O_RDWR | O_TMPFILE, 0600);
    if (made < 0) return sys::fail(made, "open", user_directory());
    const Fd fd(static_cast<int>(made));
    WYE_CHECK(sys::give_room(fd.get(), 0, shape.size, user_directory() + "/" + file));
    WYE_TRY(s.pages_, sys::Mapping::of(fd.get(), shape.size));
    Geometry g{.magic = magic,
               .layout = shape.layout,
               .size = shape.size,
               .participants = shape.participants,
               .capacity = shape.capacity,
               .creator = sys::own_pid()};
    std::ranges::copy(shape.kind, g.kind);
    new (s.pages_.data()) Header{g, {}};
    s.geometry_ = g;
    if (fill) fill(s.content());
    // The umask has had its say about 0600 only downwards; a mode without our own bits would lock us out.
    if (const long r = sys::fchmod(fd.get(), 0600); r < 0) return sys::fail(r, "fchmod", file);
    WYE_CHECK(s.hold(fd.get(), file));
    if (const long r = sys::publish(fd.get(), directory, file.c_str()); r < 0)
        return sys::fail(r, "linkat", user_directory() + "/" + file);
    s.made_ = true;
    return s;
}

// Another description than the one that is mapped: a child of fork() inherits the mapping, which would keep the
// description, and with it our locks, alive after our death.
Result<> SharedSegment::hold(int fd, const std::string& file) {
    const auto self = "/proc/self/fd/" + std::to_string(fd);
    if (const long r = fd_.open(self.c_str(), O_RDWR); r < 0) return sys::fail(r, "open", file);
    return {};
}

Result<> SharedSegment::map(int fd, const std::string& file, const Shape& shape) {
    struct stat st{};
    if (const long r = sys::fstat(fd, &st); r < 0) return sys::fail(r, "fstat", file);
    const auto wrong = [&](std::string_view what) {
        return refuse(Errc::mismatch, user_directory() + "/" + file + ": " + std::string(what));
    };
    if (!S_ISREG(st.st_mode)) return wrong("not a file");
    if (st.st_uid != sys::effective_user())
        return refuse(Errc::denied, user_directory() + "/" + file + ": belongs to user " + std::to_string(st.st_uid));
    const auto size = static_cast<std::size_t>(st.st_size);
    if (size < head) return wrong("too small for a segment");
    WYE_TRY(pages_, sys::Mapping::of(fd, size));
    std::memcpy(&geometry_, pages_.data(), sizeof geometry_);
    const std::string_view kind(geometry_.kind, ::strnlen(geometry_.kind, sizeof geometry_.kind));
    if (geometry_.magic != magic || kind != shape.kind) return wrong("not a segment of this kind");
    if (geometry_.layout != shape.layout && shape.layout != any_layout)
        return wrong("made by another version (layout " + std::to_string(geometry_.layout) + ", ours is " +
                     std::to_string(shape.layout) + ")");
    if (geometry_.size != size) return wrong("its size is not what its header says");
    return {};
}

Result<SharedSegment> SharedSegment::attach(int directory, const std::string& file, const Shape& shape) {
    SharedSegment s;
    const long r = sys::openat(directory, file.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (r < 0) return sys::fail(r, "open", user_directory() + "/" + file);
    const Fd fd(static_cast<int>(r));
    WYE_CHECK(s.map(fd.get(), file, shape));
    WYE_CHECK(s.hold(fd.get(), file));
    return s;
}

Result<SharedSegment> SharedSegment::open(const std::string& name, const Shape& shape, Create create,
                                          const Fill& fill) {
    WYE_CHECK(check_name(name));
    const auto file = file_of(shape, name);
    // Made, removed and made again by others between our calls, and the directory with it: each time from the start.
    for (int tries = 100;; --tries) {
        auto directory = open_user_directory(create != Create::never);
        if (!directory) {
            if (!directory.error().is(Errc::not_found) || create == Create::never || tries == 0)
                return std::unexpected(std::move(directory).error());
            continue;
        }
        auto s = create == Create::exclusive ? make(directory->get(), file, shape, fill)
                                             : attach(directory->get(), file, shape);
        if (!s && create == Create::if_missing && s.error().is(Errc::not_found)) {
            s = make(directory->get(), file, shape, fill);
            if (!s && s.error().is(Errc::already_exists) && tries > 0) continue;
        }
        if (!s && create != Create::never && s.error().is(Errc::not_found) && tries > 0) continue;
        if (s && s->retired() && create == Create::if_missing && tries > 0) continue;  // about to lose its name
        if (s && s->retired()) return wye::fail(Errc::not_found, "open", user_directory() + "/" + file);
        if (!s) remove_user_directory();  // if we made it, and nobody lies there
        return s;
    }
}

// The name goes only while it is still ours: no other remover unlinks meanwhile, and nobody makes it while it is there.
Result<> SharedSegment::unlink(int directory, const std::string& file, bool first) const {
    WYE_TRY(auto removers, sys::LockFile::open(user_directory(), {.create = false}));
    WYE_CHECK(removers.take(false, Deadline(std::chrono::seconds(1))));
    struct stat named{}, ours{};
    long r = sys::lstatat(directory, file.c_str(), &named);
    if (r >= 0) r = sys::fstat(fd_.get(), &ours);
    if (r >= 0) r = named.st_ino == ours.st_ino ? sys::unlinkat(directory, file.c_str()) : -ENOENT;
    return r >= 0 || (r == -ENOENT && first) ? Result<>() : sys::fail(r, "remove", user_directory() + "/" + file);
}

Result<> SharedSegment::remove(const std::string& name, const Shape& shape, const RemoveOptions& options,
                               const std::function<Result<>(SharedSegment&)>& told) {
    WYE_CHECK(check_name(name));
    const auto file = file_of(shape, name);
    WYE_TRY(const auto directory, open_user_directory(false));
    WYE_TRY(auto s, attach(directory.get(), file, shape));
    if (options.dry_run) return {};
    const bool first = s.shared().retired.exchange(1, std::memory_order_seq_cst) == 0;
    if (told) WYE_CHECK(told(s));  // first: while it has its name, who comes after a remover that died can finish
    WYE_CHECK(s.unlink(directory.get(), file, first));
    remove_user_directory();  // not while others lie there
    return {};
}

std::string SharedSegment::beside(std::string_view kind, const std::string& name, std::uint32_t number) {
    return user_directory() + "/" + std::string(kind) + "." + name + "." + std::to_string(number);
}

Result<std::vector<std::string>> SharedSegment::all_beside(std::string_view kind, const std::string& name) {
    std::vector<std::string> all;
    if (const auto directory = open_user_directory(false); !directory) {
        if (directory.error().is(Errc::not_found)) return all;
        return std::unexpected(directory.error());
    }
    WYE_TRY(const auto names, sys::names_in(user_directory()));
    const auto prefix = std::string(kind) + "." + name + ".";
    for (const auto& n : names)
        if (n.starts_with(prefix) && n.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
            all.push_back(user_directory() + "/" + n);
    return all;
}

Result<> SharedSegment::remove_beside(std::string_view kind, const std::string& name) {
    WYE_TRY(const auto all, all_beside(kind, name));
    for (const auto& path : all)
        if (const long r = sys::unlink(path.c_str()); r < 0 && r != -ENOENT) return sys::fail(r, "unlink", path);
    return {};
}

Result<> SharedSegment::list(std::string_view kind, const std::string& scheme, Visit<Object>& visit) {
    const auto directory = open_user_directory(false);
    if (!directory) return directory.error().is(Errc::not_found) ? Result<>() : std::unexpected(directory.error());
    WYE_TRY(const auto names, sys::names_in(user_directory()));
    const auto prefix = std::string(kind) + ".";
    for (const auto& n : names) {
        struct stat st{};
        if (!n.starts_with(prefix) || sys::lstatat(directory->get(), n.c_str(), &st) < 0) continue;
        visit({.uri = scheme + ":" + n.substr(prefix.size()),
               .owner = st.st_uid,
               .mode = st.st_mode & 07777u,
               .bytes = static_cast<std::uint64_t>(st.st_size)});
    }
    return {};
}

}  // namespace wye
