// An append-only log: writing, and mending what a dead writer left.
#define XXH_INLINE_ALL
#include "wye/transport/file_log.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/signal_guard.hpp"
#include "os/transfer.hpp"
#include "os/wait.hpp"
#include "record.hpp"

#include <xxhash.h>

namespace wye {
namespace {

// False at the end of the file: there are fewer bytes.
Result<bool> read_exactly(int fd, std::byte* p, std::size_t n, std::uint64_t at) {
    for (std::size_t got = 0; got < n;) {
        const long r = sys::pread(fd, p + got, n - got, static_cast<off_t>(at + got));
        if (r == -EINTR) continue;
        if (r < 0) return sys::fail(r, "read");
        if (r == 0) return false;
        got += static_cast<std::size_t>(r);
    }
    return true;
}

// Through a buffer of its own: another's record may be large, and is looked at whenever the writers take turns.
Result<bool> sum_holds(int fd, std::uint64_t at, file_log::Head head) {
    std::byte part[8 * 1024];
    XXH3_state_t sum;
    XXH3_INITSTATE(&sum);
    XXH3_64bits_reset_withSeed(&sum, head.length);
    for (std::uint32_t done = 0; done < head.length;) {
        const auto n = std::min<std::size_t>(sizeof part, head.length - done);
        WYE_TRY(const bool there, read_exactly(fd, part, n, at + done));
        if (!there) return false;
        XXH3_64bits_update(&sum, part, n);
        done += static_cast<std::uint32_t>(n);
    }
    return static_cast<std::uint32_t>(XXH3_64bits_digest(&sum)) == head.sum;
}

}  // namespace

std::uint32_t file_log::checksum(Bytes payload) noexcept {
    return static_cast<std::uint32_t>(XXH3_64bits_withSeed(payload.data(), payload.size(), payload.size()));
}

Result<> FileLog::send(Bytes message, Deadline deadline) {
    if (write_ == nullptr) return fail(Errc::unsupported, "send");
    if (message.size() > options_.max_message) return fail(Errc::too_big, "send");
    if (options_.framing == Framing::lines && !message.empty() && std::memchr(message.data(), '\n', message.size()))
        return refuse(Errc::unsupported, "a message with a newline in it cannot be sent with framing=lines");
    if (write_generation_ != sys::fork_generation()) {
        // A lock taken through a description that we share with our parent would not keep it out.
        const long r = sys::open(("/proc/self/fd/" + std::to_string(write_.get())).c_str(), O_RDWR | O_APPEND);
        if (r < 0) return sys::fail(r, "open", path_);
        write_ = Fd(static_cast<int>(r));
        write_generation_ = sys::fork_generation();
    }
    long r = sys::flock(write_.get(), LOCK_EX | LOCK_NB);
    if ((r == -EAGAIN || r == -EINTR) && !deadline.is_now())
        r = sys::interruptible(deadline, [&] { return sys::flock(write_.get(), LOCK_EX); });
    if (r < 0) return sys::fail(r, "flock", path_);
    auto appended = append(message);
    while (sys::flock(write_.get(), LOCK_UN) == -EINTR) {}
    return appended;
}

// Under the lock.
Result<> FileLog::append(Bytes message) {
    // Not fstat(): the place in this description is used by nobody, and asking so is cheaper.
    const long size = sys::lseek(write_.get(), 0, SEEK_END);
    if (size < 0) return sys::fail(size, "lseek", path_);
    bool end_line = false;
    if (static_cast<std::uint64_t>(size) != known_end_) {
        WYE_TRY(end_line, check_end(static_cast<std::uint64_t>(size)));
    }
    return write_record(message, end_line);
}

// Somebody else wrote since we last had the lock: is the last record whole? Cuts a torn one off; answers whether there
// is a torn line, to be ended by a newline. known_end_ is where to write from here on.
Result<bool> FileLog::check_end(std::uint64_t size) {
    using namespace file_log;
    if (size < known_end_) known_end_ = 0;  // cut by somebody: begin anew
    if (size == 0) return false;
    const int fd = write_.get();
    if (options_.framing == Framing::lines) {
        std::byte last{};
        WYE_TRY(const bool there, read_exactly(fd, &last, 1, size - 1));
        known_end_ = size;
        return there && last != std::byte{'\n'};
    }
    // From the end: the length behind, the length in front, the sum.
    if (size >= around) {
        std::byte tail[tail_size], front[head_size];
        WYE_TRY(bool fits, read_exactly(fd, tail, tail_size, size - tail_size));
        const auto length = decode_be32(tail);
        fits = fits && size >= std::uint64_t{length} + around;
        if (fits) {
            WYE_TRY(fits, read_exactly(fd, front, head_size, size - length - around));
        }
        fits = fits && decode_head(front).length == length;
        if (fits) {
            WYE_TRY(fits, sum_holds(fd, size - length - tail_size, decode_head(front)));
        }
        if (fits) {
            known_end_ = size;
            return false;
        }
    }
    // From the front, as far as records reach.
    WYE_TRY(known_end_, last_boundary(size));
    if (known_end_ == size) return false;
    if (const long r = cut(known_end_); r < 0) return sys::fail(r, "ftruncate", path_);
    ++repaired_;
    return false;
}

// Where the last whole record ends. Only a record that the end of the file cuts short is torn; any other misfit is
// damage, and what lies behind it may be good: that is not ours to throw away.
Result<std::uint64_t> FileLog::last_boundary(std::uint64_t size) const {
    using namespace file_log;
    auto at = known_end_;
    while (size - at >= head_size) {
        std::byte head[head_size], tail[tail_size];
        WYE_TRY(bool fits, read_exactly(write_.get(), head, head_size, at));
        const auto length = decode_head(head).length;
        if (fits && length <= FrameHeader::max_length && at + length + around > size) return at;
        if (fits) {
            WYE_TRY(fits, read_exactly(write_.get(), tail, tail_size, at + head_size + length));
        }
        if (!fits || length > FrameHeader::max_length || decode_be32(tail) != length)
            return refuse(Errc::corrupt,
                          path_ + ": no record at byte " + std::to_string(at) + "; nothing is appended behind it");
        at += length + around;
    }
    return at;
}

long FileLog::cut(std::uint64_t size) const {
    for (;;)
        if (const long r = sys::ftruncate(write_.get(), static_cast<off_t>(size)); r != -EINTR) return r;
}

// Behind known_end_, where the file ends.
Result<> FileLog::write_record(Bytes message, bool end_line) {
    const auto head = file_log::encode_head(message, options_.framing == Framing::frame);
    const auto tail = encode_be32(static_cast<std::uint32_t>(message.size()));
    const char newline = '\n';
    iovec v[3];
    int n = 0;
    std::size_t left = 0;
    const auto add = [&](const void* p, std::size_t bytes) {
        if (bytes > 0) v[n++] = {const_cast<void*>(p), bytes};
        left += bytes;
    };
    const bool lines = options_.framing == Framing::lines;
    if (!lines) add(head.data(), head.size());
    if (end_line) add(&newline, 1);
    add(message.data(), message.size());
    if (lines)
        add(&newline, 1);
    else
        add(tail.data(), tail.size());
    const auto end = known_end_ + left;
    // Asked every time, for the limit may be lowered at any time, and the signal would end the program.
    std::optional<sys::SignalGuard> guard;
    if (sys::file_size_limit() < end) guard.emplace(SIGXFSZ);
    for (int first = 0; left > 0;) {
        long r = sys::writev(write_.get(), v + first, n - first);
        if (guard) guard->watch(r, -EFBIG, left);
        if (r == -EINTR) continue;
        if (r <= 0) return take_back(r < 0 ? r : -EIO);
        left -= static_cast<std::size_t>(r);
        for (auto done = static_cast<std::size_t>(r); done > 0;) {
            const auto part = std::min(done, v[first].iov_len);
            v[first].iov_base = static_cast<std::byte*>(v[first].iov_base) + part;
            v[first].iov_len -= part;
            done -= part;
            if (v[first].iov_len == 0) ++first;
        }
    }
    known_end_ = end;
    if (end_line) ++repaired_;
    return {};
}

// Nothing half made: the part that was written is cut off while we have the lock.
Result<> FileLog::take_back(long error) {
    // EFBIG is a limit here, not a message that is too big.
    const Error why =
        error == -EFBIG ? Error(Errc::exhausted, "write", path_, EFBIG) : sys::error(error, "write", path_);
    const long r = cut(known_end_);
    if (r == 0) return std::unexpected(why);
    return refuse(why.kind(), why.message() + "; and a torn part stays at byte " + std::to_string(known_end_) + ": " +
                                  sys::error(r, "ftruncate").message());
}

}  // namespace wye
