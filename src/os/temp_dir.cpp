#include "wye/os/temp_dir.hpp"

#include "os/clean.hpp"
#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"

#include <cstdlib>
#include <vector>

namespace wye {
namespace {

std::vector<std::string> places(const std::string& wanted) {
    if (!wanted.empty()) return {wanted};
    std::vector<std::string> all;
    // Not from the environment of somebody who started a set-user-id program.
    for (const char* variable : {"XDG_RUNTIME_DIR", "TMPDIR"})
        if (const char* v = ::secure_getenv(variable); v && *v == '/') all.emplace_back(v);
    all.emplace_back("/tmp");
    return all;
}

Result<> one_name(std::string_view name) {
    if (name.empty() || name == "." || name == ".." || name.find_first_of(std::string_view("/\0", 2)) != name.npos)
        return fail(Errc::bad_address, "open", name);
    return {};
}

Result<Fd> opened(int directory, std::string_view name, int flags, unsigned permissions) {
    WYE_CHECK(one_name(name));
    const long fd =
        sys::openat(directory, std::string(name).c_str(), flags | O_RDWR | O_NOFOLLOW | O_NONBLOCK, permissions);
    if (fd == -ELOOP) return fail(Errc::mismatch, "open", name);
    if (fd < 0) return sys::fail(fd, "open", name);
    Fd file(static_cast<int>(fd));
    struct stat s{};
    if (const long r = sys::fstat(file.get(), &s); r < 0) return sys::fail(r, "fstat", name);
    if (!S_ISREG(s.st_mode)) return fail(Errc::mismatch, "open", name);
    return file;
}

}  // namespace

Result<TempDir> TempDir::make(std::string_view prefix, const std::string& directory) {
    WYE_CHECK(one_name(prefix));
    Result<TempDir> last = fail(Errc::not_found, "mkdtemp");
    for (const auto& place : places(directory)) {
        auto path = place + "/" + std::string(prefix) + "-XXXXXX";
        const long r = sys::call(sys::Call::mkdir, [&] { return ::mkdtemp(path.data()) ? 0 : -1; });
        if (r < 0) {
            last = sys::fail(r, "mkdtemp", path);
            continue;
        }
        TempDir d;
        d.name_ = path.substr(place.size() + 1);
        const long parent = sys::open(place.c_str(), O_PATH | O_DIRECTORY);
        const long self =
            parent < 0 ? parent
                       : sys::openat(static_cast<int>(parent), d.name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        d.parent_ = Fd(static_cast<int>(parent)), d.self_ = Fd(static_cast<int>(self));
        struct stat s{};
        const long seen = self < 0 ? self : sys::fstat(d.self_.get(), &s);
        if (seen < 0) {
            (void)sys::rmdirat(AT_FDCWD, path.c_str());
            return sys::fail(seen, "open", path);
        }
        if (s.st_uid != sys::effective_user() || (s.st_mode & 07777) != 0700)
            return refuse(Errc::denied, path + ": was replaced by somebody else");
        d.path_ = std::move(path);
        d.generation_ = sys::fork_generation();
        return d;
    }
    return last;
}

TempDir::TempDir(TempDir&&) noexcept = default;
TempDir& TempDir::operator=(TempDir&& o) noexcept {
    if (this == &o) return *this;
    (void)remove();
    path_ = std::move(o.path_), name_ = std::move(o.name_);
    self_ = std::move(o.self_), parent_ = std::move(o.parent_);
    generation_ = o.generation_;
    return *this;
}
TempDir::~TempDir() { (void)remove(); }

Result<Fd> TempDir::create(std::string_view name, unsigned permissions) const {
    WYE_TRY(auto file, opened(self_.get(), name, O_CREAT | O_EXCL, permissions));
    if (const long r = sys::fchmod(file.get(), permissions); r < 0) return sys::fail(r, "fchmod", name);
    return file;
}
Result<Fd> TempDir::open(std::string_view name) const { return opened(self_.get(), name, 0, 0); }

Result<> TempDir::remove() {
    if (self_ == nullptr) return {};
    const Fd self = std::move(self_), parent = std::move(parent_);
    if (generation_ != sys::fork_generation()) return {};
    const auto emptied = sys::empty_directory(self.get());
    // By its name, which may stand for something else by now: an empty directory at most is removed.
    struct stat mine{}, there{};
    if (sys::fstat(self.get(), &mine) < 0 || sys::lstatat(parent.get(), name_.c_str(), &there) < 0 ||
        mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
        return emptied;
    const long r = sys::rmdirat(parent.get(), name_.c_str());
    if (!emptied) return emptied;
    return r < 0 ? Result<>(sys::fail(r, "rmdir", path_)) : Result<>();
}

void TempDir::keep() noexcept { self_.reset(), parent_.reset(); }

}  // namespace wye
