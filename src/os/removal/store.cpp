#include "os/removal/store.hpp"

#include "wye/base/bytes.hpp"

#include "os/clean.hpp"
#include "os/removal/calls.hpp"
#include "os/small_file.hpp"

#include <stdlib.h>
#include <time.h>

#include <algorithm>
#include <tuple>

namespace wye::sys {
namespace {

constexpr const char* manifest_name = "manifest.jsonl";

Result<> write_line(int fd, std::string_view line) {
    std::string text(line);
    text += '\n';
    // In one call: two who append do not mix.
    const long n = sys::write(fd, text.data(), text.size());
    if (n < 0) return fail(n, "write");
    return static_cast<std::size_t>(n) == text.size() ? Result<>() : Result<>(fail(-ENOSPC, "write"));
}

Result<Fd> private_directory(int at, const char* name, const std::string& path) {
    const long fd = sys::openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (fd < 0) return fail(fd, "open", path);
    Fd dir(static_cast<int>(fd));
    struct stat s{};
    if (const long e = sys::fstat(dir.get(), &s); e < 0) return fail(e, "fstat", path);
    if (s.st_uid != sys::effective_user() || (s.st_mode & 022) != 0)
        return refuse(Errc::denied, path + ": not a directory that only this user writes");
    return dir;
}

Result<std::string> read_all(int dir) {
    const long fd = sys::openat(dir, manifest_name, O_RDONLY | O_NOFOLLOW);
    if (fd < 0) return fail(fd, "open", manifest_name);
    const Fd file(static_cast<int>(fd));
    return read_whole("/proc/self/fd/" + std::to_string(file.get()));
}

std::string today() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    struct tm t{};
    ::gmtime_r(&now.tv_sec, &t);
    char text[16];
    return {text, ::strftime(text, sizeof text, "%Y%m%d", &t)};
}

bool is_id(std::string_view id) {
    return !id.empty() && id.size() < 40 && id.find_first_not_of("0123456789-") == id.npos;
}

}  // namespace

std::string state_directory() {
    if (sys::effective_user() == 0) return "/var/lib/wye";
    if (const char* state = ::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/')
        return std::string(state) + "/wye";
    const char* home = ::getenv("HOME");
    return home != nullptr && *home == '/' ? std::string(home) + "/.local/state/wye" : std::string();
}

Result<> Run::append(std::string_view line, bool durable) {
    WYE_CHECK(write_line(manifest_.get(), line));
    if (!durable) return {};
    const long e = sys::fsync(manifest_.get());
    return e < 0 ? Result<>(fail(e, "fsync", id_)) : Result<>();
}

Result<std::string> Run::manifest() const { return read_all(directory_.get()); }

Result<Store> Store::at(const std::string& path) {
    WYE_TRY(auto top, private_directory(AT_FDCWD, path.c_str(), path));
    WYE_TRY(auto undo, private_directory(top.get(), "undo", path + "/undo"));
    return Store(path, std::move(top), std::move(undo));
}

Result<Store> Store::open(const std::string& path) { return at(path); }

Result<Store> Store::make(const std::string& path) {
    if (!path.starts_with('/')) return refuse(Errc::bad_address, "\"" + path + "\": an absolute path is needed here");
    for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const auto part = path.substr(0, slash);
        if (const long e = sys::mkdir(part.c_str(), 0700); e < 0 && e != -EEXIST && slash == path.npos)
            return fail(e, "mkdir", part);
        if (slash == path.npos) break;
    }
    const auto undo = path + "/undo";
    if (const long e = sys::mkdir(undo.c_str(), 0700); e < 0 && e != -EEXIST) return fail(e, "mkdir", undo);
    return at(path);
}

Result<Run> Store::begin() {
    for (unsigned n = 1; n < 100000; ++n) {
        Run run;
        run.id_ = today() + "-" + std::to_string(n);
        const long e = call(Call::mkdir, [&] { return ::mkdirat(undo_.get(), run.id_.c_str(), 0700); });
        if (e == -EEXIST) continue;
        if (e < 0) return fail(e, "mkdir", path_ + "/undo/" + run.id_);
        WYE_TRY(run.directory_, private_directory(undo_.get(), run.id_.c_str(), run.id_));
        const long fd =
            sys::openat(run.directory_.get(), manifest_name, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW, 0600);
        if (fd < 0) return fail(fd, "open", manifest_name);
        run.manifest_ = Fd(static_cast<int>(fd));
        if (const long l = sys::flock(run.manifest_.get(), LOCK_EX | LOCK_NB); l < 0) continue;  // purged already
        return run;
    }
    return wye::fail(Errc::exhausted, "mkdir", path_ + "/undo");
}

std::vector<std::string> Store::runs() const {
    auto names = names_in("/proc/self/fd/" + std::to_string(undo_.get()));
    if (!names) return {};
    std::erase_if(*names, [](const auto& n) { return !is_id(n); });
    // "20261128-9" before "20261128-10".
    std::ranges::sort(*names, {}, [](const std::string& n) {
        const auto dash = n.find('-');
        return std::tuple(n.substr(0, dash), n.size(), n);
    });
    return *names;
}

Result<Run> Store::take(const std::string& id) const {
    if (!is_id(id)) return wye::fail(Errc::not_found, "open", id);
    Run run;
    run.id_ = id;
    WYE_TRY(run.directory_, private_directory(undo_.get(), id.c_str(), path_ + "/undo/" + id));
    const long fd = sys::openat(run.directory_.get(), manifest_name, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(fd, "open", manifest_name);
    run.manifest_ = Fd(static_cast<int>(fd));
    if (const long l = sys::flock(run.manifest_.get(), LOCK_EX | LOCK_NB); l < 0)
        return refuse(Errc::busy, id + ": a wye is at work on it");
    // Who died in the middle of a line has not ended it.
    char last = '\n';
    struct stat s{};
    if (sys::fstat(run.manifest_.get(), &s) == 0 && s.st_size > 0)
        (void)sys::pread(run.manifest_.get(), &last, 1, s.st_size - 1);
    if (last != '\n') (void)sys::write(run.manifest_.get(), "\n", 1);
    return run;
}

Result<std::string> Store::peek(const std::string& id) const {
    if (!is_id(id)) return wye::fail(Errc::not_found, "open", id);
    WYE_TRY(const auto dir, private_directory(undo_.get(), id.c_str(), path_ + "/undo/" + id));
    return read_all(dir.get());
}

Result<> Store::drop(Run run) const {
    WYE_CHECK(empty_directory(run.directory_.get()));
    const long e = sys::rmdirat(undo_.get(), run.id_.c_str());
    return e < 0 ? Result<>(fail(e, "rmdir", run.id_)) : Result<>();
}

Result<> Store::log(std::string_view line) const {
    const long fd = sys::openat(top_.get(), "log.jsonl", O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(fd, "open", path_ + "/log.jsonl");
    const Fd file(static_cast<int>(fd));
    return write_line(file.get(), line);
}

}  // namespace wye::sys
