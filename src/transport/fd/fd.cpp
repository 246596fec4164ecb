// Inherited descriptors.
#include "wye/transport/fd.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

namespace wye {
namespace {

std::unexpected<Error> unfit(int fd, std::string_view what) {
    return refuse(Errc::mismatch, "descriptor " + std::to_string(fd) + ": " + std::string(what));
}

// A duplicate of `fd` that is open for that way.
Result<Fd> duplicate(int fd, bool writing) {
    const long flags = sys::fcntl(fd, F_GETFL);
    if (flags < 0) return unfit(fd, "is not open in this process");
    const auto access = flags & O_ACCMODE;
    if (access == (writing ? O_RDONLY : O_WRONLY))
        return unfit(fd, writing ? "is not open for writing" : "is not open for reading");
    struct stat s{};
    if (const long r = sys::fstat(fd, &s); r < 0) return sys::fail(r, "fstat");
    if (S_ISDIR(s.st_mode) || (flags & O_PATH)) return unfit(fd, "is a directory or a bare path: no bytes flow there");
    int type = 0, listens = 0;
    socklen_t size = sizeof type;
    if (sys::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type != SOCK_STREAM)
        return unfit(fd, "is a datagram socket; fd: is for byte streams");
    size = sizeof listens;
    if (sys::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens)
        return unfit(fd, "is a listening socket; fd: takes a connected one");
    const long r = sys::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (r < 0) return sys::fail(r, "dup");
    return Fd(static_cast<int>(r));
}

bool is(int fd, mode_t kind) {
    struct stat s{};
    return sys::fstat(fd, &s) == 0 && (s.st_mode & S_IFMT) == kind;
}

}  // namespace

Result<FdStream> FdStream::adopt(int in, int out, StreamOptions o) {
    Fd reading, writing;
    if (in >= 0) {
        WYE_TRY(reading, duplicate(in, false));
    }
    if (out >= 0 && out == in && is(in, S_IFSOCK)) return FdStream(FramedStream(std::move(reading), o));
    if (out >= 0) {
        WYE_TRY(writing, duplicate(out, true));
        o.shared = is(out, S_IFIFO);
    }
    return FdStream(FramedStream(std::move(reading), std::move(writing), o));
}

// A socket is told, whatever other descriptors of it are open: the number we were given is one.
Result<> FdStream::close_write() {
    if (stream_.out() >= 0 && is(stream_.out(), S_IFSOCK)) {
        WYE_CHECK(stream_.flush(Deadline::never()));
        const long r = sys::shutdown(stream_.out(), SHUT_WR);
        if (r < 0 && r != -ENOTCONN) return sys::fail(r, "shutdown");
    }
    return stream_.close_write();
}

namespace {

constexpr std::string_view example = "fd:3";
constexpr Param params[] = {framing_param, max_param};

Result<int> number_of(const Uri& uri, std::string_view text) {
    const auto n = parse_number(text);
    if (!n || *n > 1'000'000'000)
        return uri.refuse("\"" + std::string(text) + "\" is not a descriptor number", "fd:3 or fd:0,1");
    return static_cast<int>(*n);
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    const auto address = uri.address();
    const auto comma = address.find(',');
    WYE_TRY(int in, number_of(uri, address.substr(0, comma)));
    int out = in;
    if (comma != std::string_view::npos) {
        WYE_TRY(out, number_of(uri, address.substr(comma + 1)));
    }
    WYE_TRY(const auto options, stream_options(uri));
    // One descriptor serves the ways it is open for.
    const long flags = comma == std::string_view::npos ? sys::fcntl(in, F_GETFL) : O_RDWR;
    const auto access = flags < 0 ? O_RDWR : flags & O_ACCMODE;
    if (how.mode == Mode::write || (how.mode == Mode::both && access == O_WRONLY)) in = -1;
    if (how.mode == Mode::read || (how.mode == Mode::both && access == O_RDONLY)) out = -1;
    WYE_TRY(auto stream, FdStream::adopt(in, out, options));
    return Channel(std::move(stream));
}

}  // namespace

const Mechanism fd_mechanism{
    .traits = FdStream::traits,
    .summary = "descriptors this process was started with",
    .example = example,
    .params = params,
    .open = open,
    .inherited = true,
};

}  // namespace wye
