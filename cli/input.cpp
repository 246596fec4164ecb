#include "input.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace wye::cli {

Result<Input> Input::open(const std::string& path, Cut cut, std::size_t piece) {
    const long r = path == "-" ? sys::fcntl(0, F_DUPFD_CLOEXEC, 3) : sys::open(path.c_str(), O_RDONLY);
    if (r < 0) return sys::fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    struct stat s{};
    std::uint64_t size = 0;
    if (sys::fstat(fd.get(), &s) == 0) {
        if (S_ISDIR(s.st_mode)) return sys::fail(-EISDIR, "read", path);
        if (S_ISREG(s.st_mode)) size = static_cast<std::uint64_t>(s.st_size);
    }
    const auto framing = cut == Cut::lines ? Framing::lines : cut == Cut::nul ? Framing::nul : Framing::raw;
    return Input(FramedStream(std::move(fd), Fd(), {.framing = framing, .max_message = piece}), cut, piece, size);
}

Result<std::optional<Bytes>> Input::next(Deadline deadline) {
    if (cut_ == Cut::lines || cut_ == Cut::nul) {
        auto got = stream_.recv_view(deadline);
        if (!got && got.error().is(Errc::closed)) return std::nullopt;
        return got;
    }
    // Pieces are filled up, so that what a pipe delivers in dribs goes out in few messages; a pause sends what there
    // is.
    while (!ended_ && filled_ < room_.size()) {
        const auto rest = MutBytes(room_).subspan(filled_);
        auto got = stream_.recv(rest, cut_ == Cut::pieces && filled_ > 0 ? Deadline::now() : deadline);
        if (got) {
            filled_ += got->size();
        } else if (got.error().is(Errc::closed)) {
            ended_ = true;
        } else if (got.error().is(Errc::timed_out) && cut_ == Cut::pieces && filled_ > 0) {
            break;
        } else {
            return std::unexpected(got.error());
        }
    }
    if (cut_ == Cut::whole && !ended_) {
        std::byte more[1];
        auto got = stream_.recv(more, deadline);
        if (got) return fail(Errc::too_big, "send");
        if (!got.error().is(Errc::closed)) return std::unexpected(got.error());
        ended_ = true;
    }
    // An empty input is an empty message, once: from here on there is only the end.
    const bool whole = std::exchange(cut_, cut_ == Cut::whole ? Cut::pieces : cut_) == Cut::whole;
    if (filled_ == 0 && !whole) return std::nullopt;
    return Bytes(room_).first(std::exchange(filled_, 0));
}

}  // namespace wye::cli
