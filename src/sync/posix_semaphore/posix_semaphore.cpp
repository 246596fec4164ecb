// A named POSIX semaphore. The C library makes it under another name and then links it, so nobody sees it half made.
#include "wye/sync/posix_semaphore.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "os/sem_calls.hpp"
#include "os/small_file.hpp"

namespace wye {
namespace {

const std::string directory = "/dev/shm", prefix = "sem.";

std::string wrong_name(std::string_view name) {
    if (name.empty() || name[0] != '/') return "a semaphore's name begins with '/'";
    const auto rest = name.substr(1);
    if (rest.empty()) return "no name after the '/'";
    if (rest.find('/') != std::string_view::npos) return "a semaphore's name has one '/', at its beginning";
    if (rest.find('\0') != std::string_view::npos) return "a semaphore's name has no zero byte";
    if (rest.size() > 251) return "a semaphore's name has at most 251 bytes after the '/'";
    return {};
}

std::string path_of(std::string_view name) { return directory + "/" + prefix + std::string(name.substr(1)); }

sem_t* of(void* s) noexcept { return static_cast<sem_t*>(s); }

std::unexpected<Error> failed(long r, const char* op) {
    if (r == -EAGAIN || r == -ETIMEDOUT) return fail(Errc::timed_out);
    if (r == -EOVERFLOW) return std::unexpected(Error(Errc::exhausted, op, {}, EOVERFLOW));
    return sys::fail(r, op);
}

long take(sem_t* s, Deadline d) noexcept {
    for (;;) {
        const long r = d.is_never() ? sys::sem_wait(s) : d.is_now() ? sys::sem_trywait(s) : sys::sem_wait_by(s, d);
        if (r != -EINTR) return r;
    }
}

Result<> give_back(void* s, std::uint64_t generation) {
    if (generation != sys::fork_generation()) return {};
    if (const long r = sys::sem_post(of(s)); r < 0) return failed(r, "sem_post");
    return {};
}

// What is there before it is mapped: the C library maps a file that is too short all the same, and touching what is not
// there is SIGBUS. In a directory with the sticky bit nobody but its owner puts another file in its place meanwhile.
Result<> look(const std::string& name, Create create) {
    struct stat s{};
    const auto path = path_of(name);
    if (sys::lstat(path.c_str(), &s) < 0) return {};  // sem_open says why
    if (!S_ISREG(s.st_mode) || s.st_size != sizeof(sem_t))
        return refuse(Errc::mismatch, path + ": is there and no semaphore");
    return create == Create::if_missing ? sys::trust_maker(s.st_uid, name) : Result<>();
}

}  // namespace

// ---------------------------------------------------------------- life

Result<PosixSemaphore> PosixSemaphore::open(const std::string& name, SemaphoreOptions o) {
    if (const auto wrong = wrong_name(name); !wrong.empty())
        return refuse(Errc::bad_address, name + ": " + wrong + "; write it as /jobs");
    if (o.create != Create::never && o.initial > max_value)
        return refuse(Errc::exhausted, name + ": a value of " + std::to_string(o.initial) + "; it goes up to " +
                                           std::to_string(max_value));
    const auto path = path_of(name);
    sem_t* s = nullptr;
    if (o.create != Create::never) {
        const long r = sys::sem_open(name.c_str(), O_CREAT | O_EXCL, o.permissions & 0777, o.initial, s);
        if (r == 0) {
            PosixSemaphore made(s);
            // The umask can only have taken bits away, so until here nobody had more than was asked for.
            if (const long c = sys::chmod(path.c_str(), o.permissions & 0777); c < 0) {
                (void)sys::sem_unlink(name.c_str());
                return sys::fail(c, "chmod", path);
            }
            return made;
        }
        if (r != -EEXIST || o.create == Create::exclusive) return sys::fail(r, "sem_open", name);
    }
    WYE_CHECK(look(name, o.create));
    const long r = sys::sem_open(name.c_str(), 0, 0, 0, s);
    if (r == -ENOENT && o.create == Create::if_missing) return open(name, o);  // removed between the two calls
    if (r < 0) return sys::fail(r, "sem_open", name);
    return PosixSemaphore(s);
}

PosixSemaphore::~PosixSemaphore() {
    if (semaphore_) ::sem_close(of(semaphore_));
}

// ---------------------------------------------------------------- work

Result<Permit> PosixSemaphore::acquire(Deadline d) {
    if (const long r = take(of(semaphore_), d); r < 0) return failed(r, "sem_wait");
    return Permit(give_back, semaphore_, sys::fork_generation());
}

Result<> PosixSemaphore::wait_for_unit(Deadline d) {
    if (const long r = take(of(semaphore_), d); r < 0) return failed(r, "sem_wait");
    return {};
}

// Once more, for the reason.
Result<> PosixSemaphore::post_again() {
    if (const long r = sys::sem_post(of(semaphore_)); r < 0) return failed(r, "sem_post");
    return {};
}

Result<unsigned> PosixSemaphore::value() const {
    int v = 0;
    (void)::sem_getvalue(of(semaphore_), &v);
    return static_cast<unsigned>(v);
}

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "posix-sem:/jobs?initial=4";
constexpr Param params[] = {{"initial", "N", "units, when it is made"}};

Result<std::string> name_of(const Uri& uri) {
    if (const auto wrong = wrong_name(uri.address()); !wrong.empty()) return uri.refuse(wrong, example);
    return std::string(uri.address());
}

Result<PosixSemaphore> open_address(const Uri& uri, SemaphoreOptions o) {
    WYE_TRY(const auto name, name_of(uri));
    WYE_TRY(const auto initial, uri.number("initial", o.initial));
    if (initial > PosixSemaphore::max_value) return uri.refuse("a value goes up to 2147483647", example);
    o.initial = static_cast<unsigned>(initial);
    return PosixSemaphore::open(name, o);
}

Result<Semaphore> open_semaphore(const Uri& uri, const SemaphoreOptions& o, Deadline) {
    WYE_TRY(auto s, open_address(uri, o));
    return Semaphore(std::move(s));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_CHECK(open_address(uri, {.create = how.create, .permissions = how.permissions}));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto name, name_of(uri));
    struct stat s{};
    const long r = o.dry_run ? sys::lstat(path_of(name).c_str(), &s) : sys::sem_unlink(name.c_str());
    if (r < 0) return sys::fail(r, "sem_unlink", name);
    return {};
}

Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto names, sys::names_in(directory));
    for (const auto& file : names) {
        struct stat s{};
        if (!file.starts_with(prefix) || sys::lstat((directory + "/" + file).c_str(), &s) < 0) continue;
        if (!S_ISREG(s.st_mode) || s.st_size != sizeof(sem_t)) continue;  // somebody's file with such a name
        visit({.uri = "posix-sem:" + percent_encode("/" + file.substr(prefix.size())),
               .owner = s.st_uid,
               .mode = s.st_mode & 0777u,
               .bytes = sizeof(sem_t)});
    }
    return {};
}

std::vector<std::string> scratch(const std::string&) {
    return {"posix-sem:/wye-" + std::to_string(sys::unique_mark())};
}

}  // namespace

void see_posix_semaphores(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism posix_semaphore_mechanism{
    .traits = PosixSemaphore::traits,
    .summary = "a count in a shared page, no system call unless one waits; a dead holder's unit is lost",
    .example = example,
    .params = params,
    .open_semaphore = open_semaphore,
    .make = make,
    .remove = remove,
    .list = list,
    .see = see_posix_semaphores,
    .scratch = scratch,
};

}  // namespace wye
