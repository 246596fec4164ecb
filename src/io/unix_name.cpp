#include "io/unix_name.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"

#include <cstddef>

namespace wye {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t longest = sizeof(sockaddr_un::sun_path) - 1;

struct Split {
    std::string directory, name;
};

Split split(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

sys::Address of(std::string_view text) {
    sys::Address a;
    auto& un = reinterpret_cast<sockaddr_un&>(a.storage);
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, text.data(), text.size());
    if (text.size() < sizeof un.sun_path) un.sun_path[text.size()] = 0;
    // An abstract name is as long as it says, a path ends with a zero.
    a.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size() + (text[0] ? 1 : 0));
    return a;
}

Result<sys::Address> through(const std::string& path, int directory) {
    if (path.size() <= longest) return of(path);
    const auto shorter = "/proc/self/fd/" + std::to_string(directory) + "/" + split(path).name;
    if (shorter.size() > longest)
        return refuse(Errc::bad_address, path + ": the name is too long for a socket (107 bytes)");
    return of(shorter);
}

Result<sys::Address> abstract(const std::string& address) {
    if (address.size() > longest + 1)
        return refuse(Errc::bad_address, address + ": an abstract name has at most 107 bytes");
    if (address.size() < 2)
        return refuse(Errc::bad_address, "@: an abstract name has at least one byte; write unix:@app");
    auto name = address;
    name[0] = '\0';
    return of(name);
}

// Held over bind, chmod and listen: whoever finds a path without a living socket then knows that it is stale.
class DirectoryLock {
public:
    static Result<DirectoryLock> take(const std::string& directory, const std::string& path) {
        const long d = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
        if (d < 0) return sys::fail(d, "open", directory);
        DirectoryLock lock{Fd(static_cast<int>(d))};
        long r = sys::flock(lock.fd(), LOCK_EX | LOCK_NB);
        if (r == -EAGAIN) r = sys::interruptible(2s, [&] { return sys::flock(lock.fd(), LOCK_EX); });
        if (r == -ETIMEDOUT) return refuse(Errc::busy, path + ": somebody holds the lock on its directory");
        if (r < 0) return sys::fail(r, "flock", path);
        return lock;
    }
    DirectoryLock(DirectoryLock&&) noexcept = default;
    DirectoryLock& operator=(DirectoryLock&&) = delete;
    ~DirectoryLock() {
        // Said aloud: a fork() elsewhere in the program may have made a copy that closing would not reach.
        if (fd() >= 0) (void)sys::flock(fd(), LOCK_UN);
    }
    int fd() const noexcept { return fd_.get(); }

private:
    explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

// Called when bind() found the name taken: clears it away if nobody lives there.
Result<> clear_stale(int directory, const std::string& path, const sys::Address& at, Create create) {
    const auto name = split(path).name;
    struct stat s{};
    if (const long r = sys::lstatat(directory, name.c_str(), &s); r == -ENOENT)
        return {};
    else if (r < 0)
        return sys::fail(r, "bind", path);
    if (!S_ISSOCK(s.st_mode)) return refuse(Errc::mismatch, path + ": is there already, and is not a socket");
    if (create == Create::exclusive) return fail(Errc::already_exists, "bind", path);
    // Asked with the one type that leaves no trace: a live listener answers EPROTOTYPE, and finds no connection to
    // accept.
    const long probe = sys::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (probe < 0) return sys::fail(probe, "socket");
    const Fd owner(static_cast<int>(probe));
    const long r = sys::connect(owner.get(), at.get(), at.size);
    if (r == -ENOENT) return {};
    if (r == 0 || r == -EPROTOTYPE || r == -EAGAIN || r == -EPERM)
        return refuse(Errc::busy, path + ": a living process listens there");
    if (r != -ECONNREFUSED) return sys::fail(r, "connect", path);
    const long u = sys::unlinkat(directory, name.c_str());
    return u < 0 && u != -ENOENT ? Result<>(sys::fail(u, "unlink", path)) : Result<>();
}

// What bind() answered, or why the name could not be cleared.
Result<long> bind_or_clear(int fd, int directory, const std::string& path, const sys::Address& at, Create create) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        const long r = sys::bind(fd, at.get(), at.size);
        if (r != -EADDRINUSE) return r;
        WYE_CHECK(clear_stale(directory, path, at, create));
    }
    return -EADDRINUSE;
}

Result<> listen_if(int fd, bool listens, const std::string& address) {
    if (!listens) return {};
    const long r = sys::listen(fd, SOMAXCONN);
    return r < 0 ? Result<>(sys::fail(r, "listen", address)) : Result<>();
}

}  // namespace

UnixName::UnixName(Fd directory, std::string name, const struct stat& s)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      dev_(s.st_dev),
      ino_(s.st_ino),
      generation_(sys::fork_generation()) {}

UnixName::~UnixName() {
    if (generation_ != sys::fork_generation()) return;
    // Our socket is alive until this is done, so nobody takes the name over in between.
    struct stat s{};
    if (sys::lstatat(directory_.get(), name_.c_str(), &s) == 0 && s.st_dev == dev_ && s.st_ino == ino_)
        (void)sys::unlinkat(directory_.get(), name_.c_str());
}

Result<sys::Address> unix_address(const std::string& address, Fd& directory) {
    if (address.starts_with("@")) return abstract(address);
    if (address.empty() || address.ends_with("/"))
        return refuse(Errc::bad_address, "\"" + address + "\": no name; write unix:/run/app.sock");
    if (address.size() > longest) {
        const long r = sys::open(split(address).directory.c_str(), O_PATH | O_DIRECTORY);
        if (r < 0) return sys::fail(r, "open", address);
        directory = Fd(static_cast<int>(r));
    }
    return through(address, directory.get());
}

Result<std::unique_ptr<UnixName>> bind_unix(int fd, const std::string& address, const UnixNamePlan& o) {
    Fd unused;
    if (address.starts_with("@")) {
        WYE_TRY(const auto at, unix_address(address, unused));
        if (const long r = sys::bind(fd, at.get(), at.size); r < 0) return sys::fail(r, "bind", address);
        WYE_CHECK(listen_if(fd, o.listens, address));
        return nullptr;
    }
    const auto where = split(address);
    if (where.name.empty()) return refuse(Errc::bad_address, "\"" + address + "\": no name; write unix:/run/app.sock");
    const char* name = where.name.c_str();
    WYE_TRY(const auto lock, DirectoryLock::take(where.directory, address));
    const int dir = lock.fd();
    WYE_TRY(const auto at, through(address, dir));
    // The kernel takes the new name's permissions from the socket's own: at no moment are they wider than asked for.
    (void)sys::fchmod(fd, o.permissions);
    WYE_TRY(const long bound, bind_or_clear(fd, dir, address, at, o.create));
    if (bound < 0) return sys::fail(bound, "bind", address);
    struct stat s{};
    long r = sys::lstatat(dir, name, &s);
    if (r == 0 && o.group) r = sys::lchownat(dir, name, static_cast<uid_t>(-1), *o.group);
    if (r == 0) r = sys::fchmodat(dir, name, o.permissions);  // what the umask took away
    const long kept = r < 0 ? r : sys::open(where.directory.c_str(), O_PATH | O_DIRECTORY);
    if (kept < 0) {
        (void)sys::unlinkat(dir, name);
        return sys::fail(kept, "bind", address);
    }
    auto made =
        std::make_unique<UnixName>(Fd(static_cast<int>(kept)), where.name, s);  // removes it if what follows fails
    WYE_CHECK(listen_if(fd, o.listens, address));
    return made;
}

}  // namespace wye
