// A FIFO: a pipe with a name.
#include "wye/transport/fifo.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "os/wait.hpp"

namespace wye {
namespace {

std::unexpected<Error> not_a_fifo(const std::string& path) {
    return refuse(Errc::mismatch, path + ": is not a FIFO; make one with wye mk fifo:" + path);
}

// Without opening it: opening has effects (it waits, it may rewind a tape). Checked again on what was opened.
Result<> look(const std::string& path) {
    struct stat s{};
    if (const long r = sys::stat(path.c_str(), &s); r < 0) return sys::fail(r, "open", path);
    return S_ISFIFO(s.st_mode) ? Result<>() : not_a_fifo(path);
}

Result<Fd> checked(long r, const std::string& path) {
    if (r < 0) return sys::fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    struct stat s{};
    if (const long f = sys::fstat(fd.get(), &s); f < 0) return sys::fail(f, "fstat", path);
    if (!S_ISFIFO(s.st_mode)) return not_a_fifo(path);
    return fd;
}

// Ours alone: nobody else has this open file description, so its flags may change.
Result<Fd> made_blocking(Result<Fd> fd) {
    if (!fd) return fd;
    const long flags = sys::fcntl(fd->get(), F_GETFL);
    const long r = flags < 0 ? flags : sys::fcntl(fd->get(), F_SETFL, flags & ~O_NONBLOCK);
    if (r < 0) return sys::fail(r, "fcntl");
    return fd;
}

// The umask took bits away. Through O_PATH, because a real open would be a reader for a moment, and a writer that waits
// for one would go ahead into nothing; and because a name can be given to something else meanwhile.
long set_permissions(const std::string& path, unsigned permissions) noexcept {
    const long r = sys::open(path.c_str(), O_PATH | O_NOFOLLOW);
    if (r < 0) return r;
    const Fd fd(static_cast<int>(r));
    struct stat s{};
    if (const long f = sys::fstat(fd.get(), &s); f < 0) return f;
    if (!S_ISFIFO(s.st_mode)) return -EEXIST;
    if ((s.st_mode & 07777) == permissions) return 0;
    const std::string self = "/proc/self/fd/" + std::to_string(fd.get());
    return sys::chmod(self.c_str(), permissions);
}

// True when this call made it.
Result<bool> create_fifo(const std::string& path, Create create, unsigned permissions) {
    if (create == Create::never) return false;
    const long r = sys::mkfifo(path.c_str(), permissions);
    if (r == -EEXIST && create == Create::if_missing) return false;
    if (r < 0) return sys::fail(r, "mkfifo", path);
    if (const long c = set_permissions(path, permissions); c < 0) {
        (void)sys::unlink(path.c_str());
        return sys::fail(c, "chmod", path);
    }
    return true;
}

// `open_end` on the FIFO at `path`, which is made first where the options say so and is taken away again when that
// fails.
template <class F>
auto open_made(const std::string& path, const FifoOptions& o, F&& open_end) -> decltype(open_end()) {
    WYE_TRY(const bool made, create_fifo(path, o.create, o.permissions));
    auto seen = look(path);
    auto end = seen ? open_end() : std::unexpected(std::move(seen).error());
    if (!end && made) (void)sys::unlink(path.c_str());
    return end;
}

StreamOptions shared(StreamOptions o) noexcept { return o.shared = true, o; }

}  // namespace

Result<> make_fifo(const std::string& path, Create create, unsigned permissions) {
    WYE_TRY(const bool made, create_fifo(path, create == Create::never ? Create::exclusive : create, permissions));
    return made ? Result<>() : look(path);
}

Result<FifoReader> FifoReader::open(const std::string& path, FifoOptions o) {
    return open_made(path, o, [&]() -> Result<FifoReader> {
        WYE_TRY(auto fd, made_blocking(checked(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK), path)));
        Fd keeper;
        if (o.keep) {
            // By our own descriptor, not by the name: that may be another FIFO by now.
            const std::string self = "/proc/self/fd/" + std::to_string(fd.get());
            WYE_TRY(keeper, checked(sys::open(self.c_str(), O_WRONLY | O_NONBLOCK), path));
        }
        return FifoReader(std::move(fd), std::move(keeper), shared(o.stream));
    });
}

// A read would answer "end" while no writer has come yet; poll does not raise POLLHUP before the first.
Result<> FifoReader::meet(Deadline deadline) {
    // Asked before poll: on a FIFO that was polled once, each write wakes whoever might (25 ns, for ever).
    if (keeper_ == nullptr && sys::readable(stream_.in()) <= 0)
        WYE_CHECK(sys::wait_ready(stream_.in(), POLLIN, deadline));
    met_ = true;
    return {};
}

Result<FifoWriter> FifoWriter::open(const std::string& path, FifoOptions o, Deadline deadline) {
    return open_made(path, o, [&]() -> Result<FifoWriter> {
        // First without waiting: whatever took the FIFO's place since we looked cannot hold us up.
        const long r = sys::open(path.c_str(), O_WRONLY | O_NONBLOCK);
        if (r == -ENXIO && deadline.is_now()) return fail(Errc::timed_out, "open", path);
        WYE_TRY(auto fd,
                r == -ENXIO
                    ? checked(sys::interruptible(deadline, [&] { return sys::open(path.c_str(), O_WRONLY); }), path)
                    : made_blocking(checked(r, path)));
        return FifoWriter(std::move(fd), shared(o.stream));
    });
}

namespace {

constexpr std::string_view example = "fifo:/run/app/in";
constexpr Param params[] = {
    framing_param, max_param, {"keep", "", "a reader that goes on waiting when the last writer has left"}};

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline deadline) {
    WYE_TRY(const auto path, parse_path(uri, example));
    FifoOptions o{.create = how.create, .permissions = how.permissions};
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(o.keep, uri.flag("keep"));
    if (how.mode == Mode::both)
        return refuse(Errc::unsupported,
                      std::string(uri.text()) + ": a FIFO goes one way; choose: open it to read or to write");
    if (how.mode == Mode::read) {
        WYE_TRY(auto reader, FifoReader::open(path, o));
        return Channel(std::move(reader));
    }
    if (o.keep) return uri.refuse("keep is for the end that reads", example);
    WYE_TRY(auto writer, FifoWriter::open(path, o, deadline));
    return Channel(std::move(writer));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto path, parse_path(uri, example));
    WYE_CHECK(stream_options(uri));  // what open() would refuse later
    return make_fifo(path, how.create, how.permissions);
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto path, parse_path(uri, example));
    return sys::remove_path(path, S_IFIFO, "is not a FIFO", o.dry_run);
}

std::vector<std::string> scratch(const std::string& directory) {
    return {"fifo:" + directory + "/fifo-" + std::to_string(sys::unique_mark())};
}

}  // namespace

void see_fifos(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism fifo_mechanism{
    .traits = FifoTraits::traits,
    .summary = "a pipe with a name, between strangers",
    .example = example,
    .params = params,
    .open = open,
    .make = make,
    .remove = remove,
    .see = see_fifos,
    .scratch = scratch,
};

}  // namespace wye
