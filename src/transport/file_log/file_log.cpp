// An append-only log: opening it, and the room. Writing is in append.cpp, reading in follow.cpp.
#include "wye/transport/file_log.hpp"

#include "os/errno.hpp"
#include "os/file_system.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "os/syscall.hpp"

namespace wye {
namespace {

Result<Fd> checked(long r, const std::string& path, bool remote) {
    if (r == -ELOOP) return refuse(Errc::mismatch, path + ": is a symbolic link; a log is opened by its own name");
    if (r < 0) return sys::fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    struct stat s{};
    if (sys::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode))
        return refuse(Errc::mismatch, path + ": is not a regular file");
    if (!remote) WYE_CHECK(sys::refuse_network(fd.get(), path, "where this one alone uses it, say ?remote"));
    return fd;
}

// O_NONBLOCK, for what turns out to be a FIFO must not hold us; it means nothing to a file.
constexpr int safely = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

// Whether the file is new.
Result<bool> create(const std::string& path, const FileLogOptions& o) {
    const long r = sys::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | safely, o.permissions);
    if (r == -EEXIST && o.create == Create::if_missing) return false;
    if (r < 0) return sys::fail(r, "open", path);
    const Fd fd(static_cast<int>(r));
    const long c = sys::fchmod(fd.get(), o.permissions);  // the umask took bits away
    if (c < 0) (void)sys::unlink(path.c_str());
    if (c < 0) return sys::fail(c, "chmod", path);
    return true;
}

}  // namespace

Result<FileLog> FileLog::open(const std::string& path, FileLogOptions o) {
    if (o.framing != Framing::frame && o.framing != Framing::lines)
        return refuse(Errc::unsupported, "a log keeps records as frame or lines, not " + std::string(name(o.framing)));
    bool made = false;
    if (o.create != Create::never) {
        WYE_TRY(made, create(path, o));
    }
    FileLog log(path, o);
    auto opened = log.open_ends();
    if (opened) return log;
    if (made) (void)sys::unlink(path.c_str());
    return std::unexpected(std::move(opened).error());
}

Result<> FileLog::open_ends() {
    if (options_.mode != Mode::read) WYE_CHECK(open_to_write());
    if (options_.mode == Mode::write) return {};
    WYE_TRY(read_, checked(sys::open(path_.c_str(), O_RDONLY | safely), path_, options_.remote));
    WYE_CHECK(watch());
    struct stat s{};
    if (!options_.from_end) return {};
    if (const long r = sys::fstat(read_.get(), &s); r < 0) return sys::fail(r, "fstat", path_);
    at_ = static_cast<std::uint64_t>(s.st_size);
    return {};
}

Result<> FileLog::open_to_write() {
    WYE_TRY(write_, checked(sys::open(path_.c_str(), O_RDWR | O_APPEND | safely), path_, options_.remote));
    write_generation_ = sys::fork_generation();
    return {};
}

// ---------------------------------------------------------------- the room's table

namespace {

constexpr std::string_view example = "file:/var/tmp/events";
constexpr Param params[] = {{"framing", "frame|lines", "how records are kept apart (default frame)"},
                            {"max", "SIZE", "largest record (default 16M)"},
                            {"from", "start|end", "where reading begins (default start)"},
                            {"remote", "", "on a network file system too, where one machine alone uses it"}};

Result<FileLog> open_log(const Uri& uri, const OpenOptions& how) {
    static constexpr std::string_view framings[] = {"frame", "lines"}, from[] = {"start", "end"};
    WYE_TRY(const auto path, parse_path(uri, example));
    FileLogOptions o{.mode = how.mode, .create = how.create, .permissions = how.permissions};
    WYE_TRY(const auto framing, uri.choice("framing", framings));
    WYE_TRY(const auto place, uri.choice("from", from));
    WYE_TRY(o.max_message, uri.size("max", o.max_message));
    WYE_TRY(o.remote, uri.flag("remote"));
    if (o.max_message == 0 || o.max_message > FrameHeader::max_length)
        return uri.refuse("max must be from 1 to 1G (less one byte)", "max=16M");
    o.framing = framing == 0 ? Framing::frame : Framing::lines;
    o.from_end = place == 1;
    return FileLog::open(path, o);
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto path, parse_path(uri, example));
    return sys::remove_path(path, S_IFREG, "is not a regular file", o.dry_run);
}

std::vector<std::string> scratch(const std::string& directory) {
    return {"file:" + directory + "/log-" + std::to_string(sys::unique_mark())};
}

}  // namespace

const Mechanism file_log_mechanism{
    .traits = FileLog::traits,
    .summary = "an append-only log that several processes write and follow",
    .example = example,
    .params = params,
    .open = open_by<open_log>,
    .make = make_by<open_log>,
    .remove = remove,
    .scratch = scratch,
};

}  // namespace wye
