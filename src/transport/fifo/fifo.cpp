// A FIFO: a pipe with a name.
#include "wye/transport/fifo.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
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
    if (sys::fstat(fd.get(), &s) != 0 || !S_ISFIFO(s.st_mode)) return not_a_fifo(path);
    return fd;
}

Result<> prepare(const std::string& path, const FifoOptions& o) {
    if (o.create != Create::never) WYE_CHECK(make_fifo(path, o.create, o.permissions));
    return look(path);
}

StreamOptions shared(StreamOptions o) noexcept { return o.shared = true, o; }

// Ours alone: nobody else has this open file description, so its flags may change.
Result<> make_blocking(const Fd& fd) {
    const long flags = sys::fcntl(fd.get(), F_GETFL);
    const long r = flags < 0 ? flags : sys::fcntl(fd.get(), F_SETFL, flags & ~O_NONBLOCK);
    return r < 0 ? Result<>(sys::fail(r, "fcntl")) : Result<>();
}

}  // namespace

Result<> make_fifo(const std::string& path, Create create, unsigned permissions) {
    const long r = sys::mkfifo(path.c_str(), permissions);
    if (r == -EEXIST && create == Create::if_missing) return look(path);
    if (r < 0) return sys::fail(r, "mkfifo", path);
    // The umask took bits away. By the name, for opening a FIFO would meet whoever waits at it.
    if (const long c = sys::chmod(path.c_str(), permissions); c < 0) {
        (void)sys::unlink(path.c_str());
        return sys::fail(c, "chmod", path);
    }
    return {};
}

Result<FifoReader> FifoReader::open(const std::string& path, FifoOptions o) {
    WYE_CHECK(prepare(path, o));
    WYE_TRY(auto fd, checked(sys::open(path.c_str(), O_RDONLY | O_NONBLOCK), path));
    WYE_CHECK(make_blocking(fd));
    Fd keeper;
    if (o.keep) {
        WYE_TRY(keeper, checked(sys::open(path.c_str(), O_WRONLY | O_NONBLOCK), path));
    }
    return FifoReader(std::move(fd), std::move(keeper), shared(o.stream));
}

Result<MutBytes> FifoReader::recv(MutBytes into, Deadline deadline) {
    if (!met_) {
        // A read would answer "end" while no writer has come yet; poll does not raise POLLHUP before the first.
        WYE_TRY(const short ready, sys::wait_ready(stream_.in(), POLLIN, deadline));
        met_ = (ready & (POLLIN | POLLHUP)) != 0;
    }
    return stream_.recv(into, deadline);
}

Result<FifoWriter> FifoWriter::open(const std::string& path, FifoOptions o, Deadline deadline) {
    WYE_CHECK(prepare(path, o));
    long r = sys::open(path.c_str(), O_WRONLY | O_NONBLOCK);
    if (r >= 0) {
        WYE_TRY(auto fd, checked(r, path));
        WYE_CHECK(make_blocking(fd));
        return FifoWriter(std::move(fd), shared(o.stream));
    }
    if (r == -ENXIO && deadline.is_now()) return fail(Errc::timed_out, "open", path);
    if (r == -ENXIO) r = sys::interruptible(deadline, [&] { return sys::open(path.c_str(), O_WRONLY); });
    WYE_TRY(auto fd, checked(r, path));
    return FifoWriter(std::move(fd), shared(o.stream));
}

namespace {

constexpr std::string_view example = "fifo:/run/app/in";
constexpr Param params[] = {framing_param, max_param, {"keep", "", "a reader that goes on waiting when the last writer has left"}};

Result<std::string> path_of(const Uri& uri) {
    if (uri.address().empty()) return uri.refuse("no path", example);
    return std::string(uri.address());
}

Result<FifoOptions> options_of(const Uri& uri, const OpenOptions& how) {
    FifoOptions o{.create = how.create, .permissions = how.permissions};
    WYE_TRY(o.stream, stream_options(uri));
    WYE_TRY(o.keep, uri.flag("keep"));
    return o;
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline deadline) {
    WYE_TRY(const auto path, path_of(uri));
    WYE_TRY(const auto o, options_of(uri, how));
    if (how.mode == Mode::both)
        return refuse(Errc::unsupported, std::string(uri.text()) + ": a FIFO goes one way; open it to read or to write (OpenOptions::mode)");
    if (how.mode == Mode::read) {
        WYE_TRY(auto reader, FifoReader::open(path, o));
        return Channel(std::move(reader));
    }
    WYE_TRY(auto writer, FifoWriter::open(path, o, deadline));
    return Channel(std::move(writer));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    WYE_TRY(const auto path, path_of(uri));
    return make_fifo(path, how.create, how.permissions);
}

Result<> remove(const Uri& uri) {
    WYE_TRY(const auto path, path_of(uri));
    struct stat s{};
    if (const long r = sys::lstat(path.c_str(), &s); r < 0) return sys::fail(r, "unlink", path);
    if (!S_ISFIFO(s.st_mode)) return not_a_fifo(path);
    const long r = sys::unlink(path.c_str());
    return r < 0 ? Result<>(sys::fail(r, "unlink", path)) : Result<>();
}

std::vector<std::string> scratch(const std::string& directory) {
    return {"fifo:" + directory + "/fifo-" + std::to_string(sys::unique_mark())};
}

}  // namespace

const Mechanism fifo_mechanism{
    .traits = FifoTraits::traits,
    .summary = "a pipe with a name, between strangers",
    .example = example,
    .params = params,
    .open = open,
    .make = make,
    .remove = remove,
    .scratch = scratch,
};

}  // namespace wye
